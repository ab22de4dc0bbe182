import type { Tracker } from '../core/tracker';
import { MAX_NAME_CHARS, type Props } from '../generated/event';
import { listen, pathOf } from './guard';
import { attribute } from './texts';

const NAME = 'data-footfall-event';
const PROP = 'data-footfall-prop-';

/** Tells the event that the innermost element names which names one: a form if it was sent, another if it was pressed. */
export function tellNamed(tracker: Tracker, event: Event, path: Element[]): void {
  const element = path.find((node) => node.hasAttribute?.(NAME));
  if (!element || (element.localName == 'form') != (event.type == 'submit')) return;
  const props: Props = {};
  for (const { name } of element.attributes)
    if (name.startsWith(PROP)) props[name.slice(PROP.length).replace(/-/g, '_')] = attribute(tracker, element, name, 256);
  tracker.track(attribute(tracker, element, NAME, MAX_NAME_CHARS), props);
}

/** Events without code: `data-footfall-event="signup" data-footfall-prop-plan="pro"`; of a form here, of what is pressed with the clicks. */
export function attributes(tracker: Tracker): void {
  listen(tracker, 'submit', (event) => tellNamed(tracker, event, pathOf(event)));
}
