import { opting } from '../core/opting';
import type { Tracker } from '../core/tracker';

/** In a page the visitor's own no can also be said in its address: `?footfall=off`. */
export function optingByAddress(tracker: Tracker): void {
  tracker.optOut = opting(tracker);
  const asked = /[?&]footfall=(on|off)\b/.exec(location.search);
  if (asked) tracker.optOut(asked[1] == 'off');
}
