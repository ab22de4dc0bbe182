import type { Tracker } from '../core/tracker';
import { ACTIVITY, guarded, listen } from './guard';

const IDLE_MS = 15e3; // without a hand on it that long, a page is not being used
const LEAST_MS = 100; // a page that ends says so twice, moments apart
const MEASURE_MS = 250;

/**
 * `page_leave`: for how long the page was used (visible, focused, and touched within the last 15 s) since the
 * last one, so that sums are right; and the deepest part of it that was seen.
 */
export function engagement(tracker: Tracker): void {
  let since = performance.now();
  let touched = since;
  let engaged = 0;
  let going = false;
  let place: string | undefined;
  let told = 0;
  let timer: unknown;

  const count = (): void => {
    const now = performance.now();
    if (going) engaged += Math.max(0, Math.min(now, touched + IDLE_MS) - since);
    going = !document.hidden && document.hasFocus();
    since = now;
  };
  const depth = (): number => {
    if (place != tracker.at) told = tracker.depth = 0;
    place = tracker.at;
    return tracker.depth!;
  };
  const measure = guarded(tracker, () => {
    timer = 0;
    const part = Math.round(((scrollY + innerHeight) / document.documentElement.scrollHeight) * 100);
    tracker.depth = Math.max(depth(), Math.min(part || 0, 100));
  });
  const soon = (): void => {
    timer ||= setTimeout(measure, MEASURE_MS); // never while scrolling: measuring makes the browser lay out
  };

  tracker.leaving.push(
    guarded(tracker, () => {
      count();
      const scroll_depth = depth();
      if (engaged >= LEAST_MS || scroll_depth > told) {
        const url = tracker.at || tracker.url(location.href);
        tracker.track('page_leave', undefined, { url, engaged_ms: Math.round(engaged), scroll_depth });
        engaged = 0;
        told = scroll_depth;
      }
      soon(); // it may be another page in a moment
    }),
  );
  listen(tracker, ACTIVITY, () => {
    count();
    touched = since;
  });
  listen(tracker, 'scroll', soon);
  count();
  soon();
}
