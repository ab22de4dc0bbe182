import type { Calls } from './tracker';

const NAMES = ['track', 'page', 'identify', 'consent', 'reset', 'flush', 'optOut', 'use'] as const;

/**
 * `window.footfall`, as the tag has it: a tag that comes later sees that the page is counted already, and scripts
 * beside the bundle can call it. What such scripts called before now is done now.
 */
export function announce(calls: Calls, site: string): void {
  if (typeof window == 'undefined' || window.footfall?.init) return;
  const tag = document.querySelector<HTMLElement>('script[data-site]');
  if (tag && tag.dataset.site != site) return; // that is another site's to be
  const before = window.footfall?.q ?? [];
  const call = (method: string, ...given: unknown[]): void => {
    const known = calls[method as keyof Calls] as ((...given: unknown[]) => void) | undefined;
    known?.(...given);
  };
  const methods = Object.fromEntries(NAMES.map((name) => [name, calls[name]]));
  window.footfall = Object.assign(call, methods, { init: () => undefined }) as unknown as NonNullable<typeof window.footfall>;
  before.forEach((what) => call(...what));
}
