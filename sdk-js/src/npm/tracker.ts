import type { Consent } from '../core/options';
import type { Part, Parts } from '../core/tracker';
import type { KnownName, Props } from '../generated/event';
import { Facade, type Given, type Platform, type Settings } from './facade';

/** Its own name where Footfall knows it, or any of yours. */
export type Name = KnownName | (string & {});

/** What can be told to Footfall. Nothing of it throws or has to be waited for. */
export class Calls {
  /** @internal */
  constructor(protected readonly facade: Facade) {}

  /** Counts an event; it is sent within seconds. */
  readonly track = (name: Name, props?: Props, parts?: Parts): void => this.facade.call('track', name, props, parts);
  /** Counts a page or screen as viewed; pages of a browser are counted by themselves. */
  readonly page = (parts?: Parts): void => this.facade.call('page', parts);
  /** Who this is, in your words; sent with consent only. */
  readonly identify = (user: string): void => this.facade.call('identify', user);
  /** What the visitor said about being known again. */
  readonly consent = (state: Consent): void => this.facade.call('consent', state);
  /** Forgets who this is: they logged out. */
  readonly reset = (): void => this.facade.call('reset');
  /** Sends what is there. */
  readonly flush = (): void => this.facade.call('flush');
  /** Counts nothing of this visitor on this device any more; `false`: again. */
  readonly optOut = (out = true): void => this.facade.call('optOut', out);
  readonly productView = (...given: Given<'productView'>): void => this.facade.call('productView', ...given);
  readonly addToCart = (...given: Given<'addToCart'>): void => this.facade.call('addToCart', ...given);
  readonly removeFromCart = (...given: Given<'removeFromCart'>): void => this.facade.call('removeFromCart', ...given);
  readonly checkoutStep = (...given: Given<'checkoutStep'>): void => this.facade.call('checkoutStep', ...given);
  /** Counted once for an order id, however often the page says so. */
  readonly purchase = (...given: Given<'purchase'>): void => this.facade.call('purchase', ...given);
  /** Lets a part of your own, or an add-on, work on the tracker. */
  readonly use = (part: Part): void => this.facade.use(part);
}

export interface TrackerSettings extends Omit<Settings, 'site'> {
  /** The site's public id (`pub_...`); `footfall site show` prints it. */
  apiKey: string;
  /** Where it runs. */
  platform?: Platform;
}

/** What an entry of the package is made of, once its platform is known. */
export interface Entry {
  /** A tracker of its own. */
  Tracker: new (settings: TrackerSettings) => Calls;
  /** Of the one tracker that `start` starts; they wait for it. */
  calls: Calls;
  start: (settings: Settings) => void;
}

export function tracking(platform: Platform): Entry {
  class FootfallTracker extends Calls {
    constructor({ apiKey, platform: own = platform, ...settings }: TrackerSettings) {
      super(new Facade(own));
      this.facade.start({ ...settings, site: apiKey });
    }
  }
  const facade = new Facade(platform);
  return { Tracker: FootfallTracker, calls: new Calls(facade), start: (settings) => facade.start(settings) };
}
