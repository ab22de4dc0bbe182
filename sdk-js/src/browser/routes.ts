import type { Tracker } from '../core/tracker';

const SETTLE_MS = 150; // within that a router redirects and sets the title

/** The pages that a single-page app shows in place of the first, and those that come back from the browser's cache. */
export function routes(tracker: Tracker): void {
  let timer: ReturnType<typeof setTimeout> | undefined;

  // One view however often a router sets the same path; a query or an anchor makes no other page.
  const place = (url: string): string => url.replace(/\?[^#]*/, '');

  const look = (): void => {
    timer = undefined;
    if (place(tracker.url(location.href)) != place(tracker.at)) tracker.page();
  };
  const moved = (): void => {
    timer ||= setTimeout(look, SETTLE_MS);
  };

  if (window.navigation) window.navigation.addEventListener('currententrychange', moved);
  else {
    for (const name of ['pushState', 'replaceState'] as const) {
      const original = history[name]; // eslint-disable-line @typescript-eslint/unbound-method -- applied to its own below
      history[name] = function (this: History, ...given) {
        original.apply(this, given);
        moved();
      };
    }
    addEventListener('popstate', moved);
    addEventListener('hashchange', moved);
  }
  moved(); // since the first view
  tracker.leaving.unshift(() => {
    if (timer) look();
  });
  addEventListener('pageshow', (event) => {
    if (event.persisted) tracker.page({ referrer: tracker.at }, true); // looked at again, and nobody led here
  });
}
