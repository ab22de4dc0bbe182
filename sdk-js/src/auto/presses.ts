import type { Tracker } from '../core/tracker';
import { listen, pathOf } from './guard';

/**
 * What a person pressed, with mouse, finger, or keyboard (browsers make a click of that): `path` leads from the
 * innermost element outwards, through open shadow roots too. Not what scripts press, nor the second click that
 * browsers make of one on a label.
 */
export function presses(tracker: Tracker, pressed: (event: MouseEvent, path: Element[]) => void): void {
  let forwarded: Element | null | undefined;
  listen(tracker, 'click auxclick', (event) => {
    if (!event.isTrusted || event.button > 1) return;
    const path = pathOf(event);
    const again = path[0] == forwarded;
    forwarded = (path.find((node) => node.localName == 'label') as HTMLLabelElement | undefined)?.control;
    if (forwarded) setTimeout(() => (forwarded = undefined)); // the second comes within the same task
    if (!again) pressed(event, path);
  });
}
