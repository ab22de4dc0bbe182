import type { Tracker } from '../../core/tracker';
import type { AppState } from './api';

const LEAST_MS = 100;

/**
 * `page_leave`: for how long a screen was in view while the app was in front. An app does not tell the SDK of touches,
 * so unlike in pages a screen that nobody touches counts on.
 */
export function engagement(tracker: Tracker, appState: AppState): void {
  let since = Date.now();
  let active = appState.currentState == 'active';
  let engaged = 0;
  const count = (): void => {
    const now = Date.now();
    if (active) engaged += Math.max(0, now - since);
    since = now;
  };
  tracker.leaving.push(() => {
    count();
    if (engaged >= LEAST_MS && tracker.at) tracker.track('page_leave', undefined, { url: tracker.at, engaged_ms: engaged });
    engaged = 0;
  });
  appState.addEventListener('change', (state) => {
    count();
    active = state == 'active';
  });
}
