/** What is used of Playwright's `Page` or `BrowserContext`, so that no version of it is needed here. */
export interface Routed {
  addInitScript(script: (to: string) => void, to: string): Promise<unknown>;
  route(url: (url: URL) => boolean, handler: (route: Route) => Promise<void>): Promise<unknown>;
}

interface Route {
  request(): { url(): string };
  fulfill(options: { status: number; headers: Record<string, string>; body: string }): Promise<void>;
}

/** Runs in the page, before its scripts: batches of every site go to this address instead. */
export function redirectBatches(to: string): void {
  const there = (url: RequestInfo | URL): string | undefined =>
    typeof url == 'string' && /[?&]site=pub_/.test(url) ? to : undefined;
  // In the page itself: what Playwright's routes see of a request lacks a body that is packed, and comes too late
  // where the page ends.
  const fetched = window.fetch.bind(window);
  window.fetch = (url, options) => fetched(there(url) ?? url, options);
  const beacon = navigator.sendBeacon.bind(navigator);
  navigator.sendBeacon = (url, body) => beacon(there(url) ?? url, body);
}

/** Scripts of this origin come from `micro`. */
export async function redirectScripts(page: Routed, gateway: string, micro: string): Promise<void> {
  const { origin } = new URL(gateway);
  await page.route(
    (url) => url.origin == origin && url.pathname.endsWith('.js'),
    async (route) => {
      const { pathname } = new URL(route.request().url());
      const script = await fetch(micro + pathname);
      const headers = { 'content-type': 'text/javascript', 'access-control-allow-origin': '*' };
      await route.fulfill({ status: script.status, headers, body: await script.text() });
    },
  );
}
