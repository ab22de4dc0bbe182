import { placeOf } from '../auto/places';
import { attribute, PRIVATE, textOf } from '../auto/texts';
import type { Tracker } from '../core/tracker';
import type { Element as Told } from '../generated/event';

/** What is told of the element that was pressed, as `click` tells it. `path`: see `presses`. */
export function describe(tracker: Tracker, event: MouseEvent, path: Element[]): Told {
  const element = path[0]!;
  const hidden = path.some((node) => node.matches?.(PRIVATE));
  const link = path.find((node) => node.matches?.('a[href],area[href]')) as HTMLAnchorElement | undefined;
  const href = `${link?.href}`; // of SVG links it is an object
  const spot = (pixels: number): number | undefined => (event.clientX || event.clientY ? Math.round(pixels) : undefined);
  return {
    tag: element.localName,
    id: attribute(tracker, element, 'id'),
    role: attribute(tracker, element, 'role', 64),
    text: hidden ? '' : textOf(tracker, element),
    selector: placeOf(element),
    href: hidden || !/^http/.test(href) ? '' : tracker.url(href),
    x: spot(event.pageX),
    y: spot(event.pageY),
  };
}
