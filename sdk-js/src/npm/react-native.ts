/** `@footfall/sdk/react-native`: apps. A screen is a page. */
import { Facade } from './facade';
import { type NativePlatform, type NativeSettings, reactNative } from './native';
import { Calls, type TrackerSettings } from './tracker';

export interface AppSettings extends Omit<TrackerSettings, 'platform'>, NativeSettings {}

/** Counts an app's screens and events; one in an app, made where it begins. */
export class FootfallTracker extends Calls {
  /** A screen is in view; the same again counts once. */
  readonly screen: NativePlatform['screen'];
  /** Counts React Navigation's screens by the names of their routes; call it in the container's `onReady`. */
  readonly follow: NativePlatform['follow'];

  constructor({ apiKey, endpoint, storage, appState, system, dimensions, netInfo, dev, domain, ...options }: AppSettings) {
    const platform = reactNative({ storage, appState, system, dimensions, netInfo, dev, domain });
    super(new Facade(platform));
    this.screen = platform.screen;
    this.follow = platform.follow;
    this.facade.start({ ...options, endpoint, site: apiKey });
  }
}

export { reactNative } from './native';
export type { NativePlatform, NativeSettings } from './native';
export type * from './native/api';
export type { Calls, Name } from './tracker';
export type { Consent } from '../core/options';
export type { Part, Parts, Tracker } from '../core/tracker';
export type * from '../generated/event';
