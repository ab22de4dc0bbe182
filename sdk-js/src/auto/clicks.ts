import type { Tracker } from '../core/tracker';
import type { Props } from '../generated/event';
import { tellNamed } from './attributes';
import { isOn } from './guard';
import { kindOf } from './links';
import { placeOf } from './places';
import { presses } from './presses';
import { attribute, PRIVATE, textOf } from './texts';

const ACTIONABLE = 'a,area,button,summary,label,[onclick],[data-footfall-event]';
/** Of roles, and of inputs' types. */
const ACTING = /^(button|link|tab|menuitem.*|option|switch|checkbox|radio|submit|reset)$/;

/** Clicks on what does something (`clicks`); links that lead away, downloads (`links`): one event for both. And `attributes`. */
export function clicks(tracker: Tracker): void {
  presses(tracker, (event, path) => {
    const element = path.find(
      (node) => node.matches?.(ACTIONABLE) || ACTING.test(node.getAttribute?.('role') || (node as HTMLInputElement).type),
    );
    const link = (path as HTMLAnchorElement[]).find((node) => node.localName == 'a' && node.href);
    const href = `${link?.href}`; // of SVG links it is an object, and without a link no address
    const kind = isOn(tracker, 'links') ? kindOf(href, link?.hasAttribute('download')) : undefined;
    if (event.button && !link) return; // the middle one does nothing but open links
    if (isOn(tracker, 'attributes')) tellNamed(tracker, event, path);
    if (!element || !(kind || isOn(tracker, 'clicks'))) return;
    const hidden = path.some((node) => node.matches?.(PRIVATE));
    // There is none where the keyboard was used.
    const spot = (pixels: number): number | undefined => (event.clientX || event.clientY ? Math.round(pixels) : undefined);
    tracker.track(
      'click',
      {
        viewport_x: spot(event.clientX),
        viewport_y: spot(event.clientY),
        link: kind,
      } as Props,
      {
        element: {
          tag: element.localName,
          id: attribute(tracker, element, 'id'),
          role: attribute(tracker, element, 'role', 64),
          text: hidden ? '' : textOf(tracker, element),
          selector: placeOf(element),
          // Of other schemes nothing: addresses and numbers of people follow there.
          href: hidden || !/^http/.test(href) ? '' : tracker.url(href),
          x: spot(event.pageX),
          y: spot(event.pageY),
        },
      },
    );
  });
}
