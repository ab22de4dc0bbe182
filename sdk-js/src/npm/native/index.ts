/** React Native: what stands in for a page's storage, life and addresses. */
import { commerce } from '../../auto/commerce';
import type { Options } from '../../core/options';
import { opting } from '../../core/opting';
import { track, type Tracker } from '../../core/tracker';
import { MAX_URL_CHARS } from '../../generated/event';
import type { Platform } from '../facade';
import type { AppState, Dimensions, Navigation, NetInfo, Storage, System } from './api';
import { diskOf } from './disk';
import { engagement } from './engagement';
import { nativePlatform } from './platform';

/** Set when built. */
declare const VERSION: string;

export interface NativeSettings {
  /** AsyncStorage, or another store of texts. Without consent nothing is kept there, except that somebody opted out. */
  storage: Storage;
  /** React Native's own, all three. */
  appState: AppState;
  system: System;
  dimensions?: Dimensions;
  /** `@react-native-community/netinfo`, if the app has it: what waits goes at once when the network is back. */
  netInfo?: NetInfo;
  /** Whether this is a build for developers (`__DEV__`), whose events go to stage dev. */
  dev?: boolean;
  /** Addresses of screens are `https://<domain>/<screen>`: a domain of the site. */
  domain: string;
}

/** A platform for `FootfallTracker`, and the screens that it counts. */
export interface NativePlatform extends Platform {
  /** A screen is in view; the same again counts once. */
  screen: (name: string) => void;
  /**
   * Counts the screens of React Navigation by the names of their routes, never their parameters; call it in the
   * container's `onReady`.
   */
  follow: (navigation: Navigation) => void;
}

const NO_RANDOM =
  'footfall: nothing is counted, since this JavaScript engine has no crypto.getRandomValues: ' +
  "npm install react-native-get-random-values, and import it first in the app's entry";

export function reactNative(settings: NativeSettings): NativePlatform {
  const { storage, appState, netInfo } = settings;
  const trackers: Tracker[] = [];
  let screen = '';

  const begin = (options: Options, endpoint: string): Tracker | undefined => {
    if (!globalThis.crypto?.getRandomValues) {
      console.warn(NO_RANDOM);
      return; // with weaker ids two visitors could become one
    }
    const disk = diskOf(storage);
    const sdk = 'react-native/' + VERSION;
    const url = `${endpoint}?site=${options.site}`;
    const platform = nativePlatform({ ...settings, url, disk, screen: () => screen, sdk });
    const tracker = track(options, platform);
    const hurry = (): void => void tracker.delivery.drain(platform.mayHurry());
    // Engines for apps read addresses in part only; those here are our own.
    tracker.url = (text) => tracker.mask(text.replace(/[?#].*/, ''), MAX_URL_CHARS);
    tracker.optOut = opting(tracker);
    commerce(tracker);
    engagement(tracker, appState);
    appState.addEventListener('change', (state) => {
      if (state == 'active') hurry();
      else tracker.leave();
    });
    netInfo?.addEventListener(({ isConnected }) => {
      if (isConnected) hurry();
    });
    tracker.paused = true; // until it is known what the device keeps: who this is, and whether they opted out
    void disk.load(tracker.key).then(() => {
      tracker.paused = false;
      tracker.flush();
    });
    trackers.push(tracker);
    if (screen) tracker.page();
    return tracker;
  };

  const show = (route: string): void => {
    const name = route.replace(/[?#].*/, ''); // where somebody names routes by addresses
    if (!name || name == screen) return;
    screen = name;
    for (const tracker of trackers) tracker.page();
  };
  return Object.assign(begin, {
    screen: show,
    follow(navigation: Navigation): void {
      const look = (): void => show(navigation.getCurrentRoute()?.name ?? '');
      look();
      navigation.addListener('state', look);
    },
  });
}
