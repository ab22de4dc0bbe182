import type { Tracker } from '../core/tracker';

/** The visitor's own no, kept on the device since they asked for it; also `?footfall=off` in a page's address. */
export function opting(tracker: Tracker): void {
  tracker.optOut = (out = true) => {
    if (out) tracker.clear();
    try {
      const disk = tracker.platform.disk()!;
      if (out) disk[tracker.key + '!'] = '1';
      else delete disk[tracker.key + '!'];
    } catch {
      tracker.paused = out; // nothing can be kept: for this page at least
    }
  };
  const asked = /[?&]footfall=(on|off)\b/.exec(location.search);
  if (asked) tracker.optOut(asked[1] == 'off');
}
