import type { Options } from '../core/options';
import { track, type Tracker } from '../core/tracker';
import { browser } from './platform';

/** Set when built. */
declare const VERSION: string;

/** Calls once the page is looked at: one in the background is not yet, nor one the browser only prepares. */
export function whenVisible(then: () => void): void {
  if (!document.hidden) then();
  else document.addEventListener('visibilitychange', () => whenVisible(then), { once: true });
}

/** Starts a tracker in a page: its view now, all else, in parts, after it was painted. `endpoint` takes batches. */
export function start(options: Options, endpoint: URL | string, bring: (part: string) => void): Tracker {
  const tracker = track(options, browser(endpoint + '?site=' + options.site, 'js/' + VERSION));
  tracker.paused = true;
  tracker.bring = bring;
  // A page in a frame is part of the page around it.
  if (self == top || options.frames)
    whenVisible(() => {
      tracker.paused = false;
      if (!options.off?.includes('pages')) tracker.page();
      addEventListener('pagehide', tracker.leave);
      document.addEventListener('visibilitychange', () => {
        if (document.hidden) tracker.leave();
      });
      requestAnimationFrame(() => setTimeout(bring, 0, 'auto'));
    });
  return tracker;
}
