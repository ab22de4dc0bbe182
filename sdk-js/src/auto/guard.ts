import type { Kind } from '../core/options';
import type { Tracker } from '../core/tracker';

/** What somebody does who is there. */
export const ACTIVITY = 'focus blur wheel keydown pointerdown pointermove visibilitychange';

/** Whether a kind is captured. */
export const isOn = (tracker: Tracker, kind: Kind): boolean => !tracker.options.off?.includes(kind);

/** The same work, of which nothing is ever thrown into the page; `debug` tells what went wrong. */
export function guarded<Given extends unknown[]>(tracker: Tracker, work: (...given: Given) => void): (...given: Given) => void {
  return (...given) => {
    try {
      work(...given);
    } catch (error) {
      tracker.say?.('part', error);
    }
  };
}

/** Listens to events (names with spaces between) before the page does, and never holds one up. */
export function listen(tracker: Tracker, names: string, work: (event: MouseEvent) => void): void {
  const heard = guarded(tracker, work) as EventListener;
  for (const name of names.split(' ')) addEventListener(name, heard, { capture: true, passive: true });
}

/** From the innermost element outwards, through open shadow trees too. */
export const pathOf = (event: Event): Element[] => event.composedPath() as Element[];

/**
 * Looks now, and about a second after the visitor did something or the page became another: what a page shows
 * later is found without watching its whole document.
 */
export function looking(tracker: Tracker, look: () => void): void {
  let timer: unknown;
  const later = guarded(tracker, () => {
    timer = 0;
    look();
  });
  const soon = (): void => {
    timer ||= setTimeout(later, 1e3);
  };
  listen(tracker, ACTIVITY, soon);
  tracker.leaving.push(soon);
  look();
}
