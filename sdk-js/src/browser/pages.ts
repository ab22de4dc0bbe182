import type { Tracker } from '../core/tracker';

const SETTLE_MS = 50; // within that a router redirects and sets the title

/** Calls once it is so: now, or when the event has come. */
export function when(ready: () => boolean, target: EventTarget, event: string, then: () => void): void {
  if (ready()) then();
  else target.addEventListener(event, () => when(ready, target, event, then), { once: true });
}

/** The pages that are viewed: the first, and those a single-page app shows in its place. */
export function pages(tracker: Tracker, captured: boolean): void {
  let place = '';
  let timer: ReturnType<typeof setTimeout> | 0 = 0;

  const look = (): void => {
    timer = 0;
    // One view however often a router sets the same path; a query or an anchor makes no other page.
    const now = location.pathname + (/^#!?\/[^?]*/.exec(location.hash) || '');
    if (captured && now != place) {
      place = now;
      tracker.page();
    }
  };
  const moved = (): void => {
    timer ||= setTimeout(look, SETTLE_MS);
  };

  look();
  if (window.navigation) navigation.addEventListener('currententrychange', moved);
  else {
    for (const name of ['pushState', 'replaceState'] as const) {
      const original = history[name];
      history[name] = function (this: History, ...given) {
        original.apply(this, given);
        moved();
      };
    }
    addEventListener('popstate', moved);
    addEventListener('hashchange', moved);
  }

  addEventListener('pageshow', (event) => {
    // From the browser's cache of pages: looked at again, and nobody led here.
    if (event.persisted && captured) tracker.page({ referrer: tracker.at }, true);
  });
  const leave = (): void => {
    if (timer) look();
    tracker.leave();
  };
  addEventListener('pagehide', leave);
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState == 'hidden') leave();
  });
  addEventListener('online', () => tracker.hurry());
}
