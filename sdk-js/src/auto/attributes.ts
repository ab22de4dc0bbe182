import type { Tracker } from '../core/tracker';
import type { Props } from '../generated/event';
import { listen, pathOf } from './guard';
import { presses } from './presses';
import { attribute } from './texts';

const NAME = 'data-footfall-event';
const PROP = 'data-footfall-prop-';

/** Events without code: `data-footfall-event="signup" data-footfall-prop-plan="pro"`, at a click; of a form, when it is sent. */
export function attributes(tracker: Tracker): void {
  const told = (event: Event, path: Element[]): void => {
    const element = path.find((node) => node.hasAttribute?.(NAME));
    if (!element || (element.localName == 'form') != (event.type == 'submit')) return;
    const props: Props = {};
    for (const { name } of element.attributes)
      if (name.startsWith(PROP)) props[name.slice(PROP.length).replace(/-/g, '_')] = attribute(tracker, element, name, 256);
    tracker.track(attribute(tracker, element, NAME, 64), props);
  };
  presses(tracker, 'click', told);
  listen(tracker, 'submit', (event) => told(event, pathOf(event)));
}
