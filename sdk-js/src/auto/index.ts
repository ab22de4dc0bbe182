/** What is on by default and does not have to be there before the first paint. */
import { opting } from '../browser/opting';
import { routes } from '../browser/routes';
import { sending } from '../browser/sending';
import type { Kind } from '../core/options';
import type { Part, Tracker } from '../core/tracker';

const ALWAYS: readonly Part[] = [sending, opting];
/** What is captured by itself: each can be switched off by its name. */
const CAPTURES: Partial<Record<Kind, Part>> = { pages: routes };

export function auto(tracker: Tracker): void {
  const captures = Object.entries(CAPTURES).filter(([kind]) => !tracker.options.off?.includes(kind as Kind));
  for (const part of [...ALWAYS, ...captures.map(([, part]) => part)])
    try {
      part(tracker);
    } catch (error) {
      tracker.say?.('part', part.name, error);
    }
}
