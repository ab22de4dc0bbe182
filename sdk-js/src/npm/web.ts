import { auto } from '../auto';
import { start } from '../browser/start';
import type { Addon } from '../core/options';
import type { Part, Tracker } from '../core/tracker';
import type { Platform } from './facade';

/** Add-ons come as files of their own, once they are asked for. */
const ADDONS: Record<Addon, () => Promise<Part>> = {
  vitals: () => import('../addons/vitals').then((module) => module.vitals),
  errors: () => import('../addons/errors').then((module) => module.errors),
  friction: () => import('../addons/friction').then((module) => module.friction),
  pointer: () => import('../addons/pointer').then((module) => module.pointer),
  replay: () => import('../addons/replay').then((module) => module.replay),
  tcf: () => import('../addons/tcf').then((module) => module.tcf),
  gcm: () => import('../addons/gcm').then((module) => module.gcm),
  debug: () => import('../addons/debug').then((module) => module.debug),
};

/** The trackers of this page by site and endpoint, and who waits for all of their methods. */
const running = new Map<string, { tracker: Tracker; waiting: (() => void)[] }>();

/** The tracker of the tag, where the page has one for this site. */
function ofTag(site: string, more: () => void): Tracker | undefined {
  let found: Tracker | undefined;
  if (window.footfall?.init) window.footfall.use((tracker) => (found = tracker));
  if (found?.options.site != site) return;
  document.addEventListener('load', more, true); // of its further parts, which bring methods
  return found;
}

/** Pages in a browser, each counted once however often this is called; on a server, which makes them, nothing is. */
export const web: Platform = (options, endpoint, more) => {
  if (typeof document == 'undefined') return;
  const key = options.site + ' ' + endpoint;
  const there = running.get(key);
  if (there) {
    if (!there.tracker.purchase) there.waiting.push(more);
    return there.tracker;
  }
  const waiting = [more];
  const again = (): void => waiting.forEach((work) => work());
  const bring = (name: string): void => {
    if (name == 'auto') {
      auto(tracker);
      again();
      return;
    }
    const failed = (error: unknown): void => tracker.say?.('part', error);
    void ADDONS[name as Addon]?.().then((part) => part(tracker)).catch(failed);
  };
  const tracker = ofTag(options.site, again) ?? start(options, endpoint, bring);
  running.set(key, { tracker, waiting });
  return tracker;
};
