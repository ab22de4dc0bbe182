/** `@footfall/sdk/electron/renderer`: captures in a window what the tag captures in a page; the main process sends it. */
import { auto } from '../../auto';
import { browser } from '../../browser/platform';
import { whenVisible } from '../../browser/start';
import type { Options } from '../../core/options';
import { cleanUrl } from '../../core/privacy';
import { track as tracking, type Tracker } from '../../core/tracker';
import { Facade } from '../facade';
import { Calls } from '../tracker';
import { BRIDGE, type Bridge, type Call, type Message, MOST_CHARS } from './messages';
import { placing } from './places';

export interface RendererSettings extends Pick<Options, 'off' | 'params'> {
  /** Addresses of the app's pages become `https://<domain>/...`: a domain of the site. */
  domain: string;
}

/** All that would be sent is told to the main process, which knows who it is, what may be sent, and what waits. */
function forward(tracker: Tracker, bridge: Bridge): void {
  const { platform } = tracker;
  const tell = (...call: Call): void => {
    try {
      const message: Message = { call, common: platform.common(), asked: platform.asked() };
      const text = JSON.stringify(message);
      if (text.length > MOST_CHARS) throw new RangeError(`it has ${text.length} characters, of at most ${MOST_CHARS}`);
      bridge.send(text);
    } catch (error) {
      console.warn(`footfall: ${call[0]} ${call[0] == 'track' ? call[1] : ''} was not told:`, error);
    }
  };
  tracker.track = (name, props, parts) => tell('track', name, props, { url: tracker.url(platform.here().url), ...parts });
  tracker.identify = (user) => tell('identify', user);
  tracker.consent = (state) => tell('consent', state);
  tracker.optOut = (out = true) => tell('optOut', out);
  tracker.reset = () => tell('reset');
  tracker.flush = () => tell('flush');
  tracker.leave = () => {
    tracker.leaving.forEach((work) => work());
    tracker.flush();
  };
  tracker.delivery.drain = (now) => {
    if (now) tell('online'); // the network is back
    return Promise.resolve();
  };
}

function started(options: Options, domain: string, more: () => void): Tracker | undefined {
  const bridge = (window as unknown as Record<string, Bridge | undefined>)[BRIDGE];
  if (!bridge) {
    console.warn('footfall: nothing is counted: the preload script of this window does not call expose()');
    return;
  }
  const tracker = tracking(options, { ...browser('', ''), disk: () => undefined });
  const placed = placing(domain, location.href);
  tracker.url = (text) => cleanUrl(placed(text), options.params || [], !tracker.platform.asked());
  forward(tracker, bridge);
  whenVisible(() => {
    if (!options.off?.includes('pages')) tracker.page();
    const { optOut } = tracker; // the main process's, not a page's
    auto(tracker);
    tracker.optOut = optOut;
    addEventListener('pagehide', tracker.leave);
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState == 'hidden') tracker.leave();
    });
    more();
  });
  return tracker;
}

let domain = '';
const facade = new Facade((options, _, more) => started(options, domain, more));
const calls = new Calls(facade);

/** Starts counting in this window, once. */
export function init({ domain: own, ...options }: RendererSettings): void {
  domain = own;
  facade.start({ ...options, site: 'electron', endpoint: '' });
}

export const { track, page, identify, consent, reset, flush, optOut, use } = calls;
export const { productView, addToCart, removeFromCart, checkoutStep, purchase } = calls;

export type { Name } from '../tracker';
export type { Consent, Kind } from '../../core/options';
export type { Part, Parts, Tracker } from '../../core/tracker';
export type * from '../../generated/event';
