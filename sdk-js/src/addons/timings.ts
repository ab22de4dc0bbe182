import { onFCP } from 'web-vitals';
import { guarded } from '../auto/guard';
import type { Tracker } from '../core/tracker';

const QUIET_MS = 5e3;
/** `performance.getEntriesByType` may be looked at when the handlers of `load` are done. */
const navigation = (): PerformanceNavigationTiming | undefined =>
  performance.getEntriesByType('navigation')[0];

/** `load` and `tti` of the page as it was loaded, in ms from when it began, or was shown if it was prepared before. */
export function timings(tracker: Tracker, tell: (name: string, value: number) => void): void {
  const began = (navigation() as { activationStart?: number } | undefined)?.activationStart || 0;

  const loaded = guarded(tracker, () => {
    const end = navigation()?.loadEventEnd;
    if (end) tell('load', Math.max(0, end - began));
  });
  if (document.readyState == 'complete') setTimeout(loaded);
  else addEventListener('load', () => setTimeout(loaded));

  if (!PerformanceObserver.supportedEntryTypes?.includes('longtask')) return;
  let quiet: number | undefined; // since when, on the page's clock; unknown before FCP
  let last = 0; // end of the last long task
  let timer: ReturnType<typeof setTimeout> | undefined;
  const observer = new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries()) {
      // What begins after the quiet window does not count: its timer was only late.
      if (quiet != undefined && startTime > Math.max(quiet, last) + QUIET_MS) continue;
      last = Math.max(last, startTime + duration);
    }
    wait();
  });
  const stop = (): void => {
    clearTimeout(timer);
    observer.disconnect();
    quiet = undefined;
  };
  const look = guarded(tracker, () => {
    const from = Math.max(quiet!, last);
    // Not before the page's own scripts ran.
    const ready = navigation()?.domContentLoadedEventEnd;
    stop();
    if (ready) tell('tti', Math.max(0, Math.max(from, ready) - began));
  });
  const wait = (): void => {
    clearTimeout(timer);
    if (quiet != undefined) timer = setTimeout(look, Math.max(quiet, last) + QUIET_MS - performance.now());
  };
  observer.observe({ type: 'longtask', buffered: true });
  onFCP(({ value, navigationType }) => {
    if (navigationType == 'back-forward-cache') return;
    quiet = value + began;
    wait();
  });
  // A page in the background is not worked with, and its timers are late.
  tracker.leaving.push(stop);
}
