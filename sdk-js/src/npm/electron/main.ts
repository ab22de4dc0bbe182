/** `@footfall/sdk/electron/main`: owns who the visitor is, what may be sent, and what waits; windows tell it what happens. */
import { commerce } from '../../auto/commerce';
import type { Answer } from '../../core/delivery';
import { opting } from '../../core/opting';
import type { Options } from '../../core/options';
import { cleanUrl } from '../../core/privacy';
import { type Parts, track, type Tracker } from '../../core/tracker';
import { batchUrl, Facade } from '../facade';
import { broken, type Problem, problemOf, safely, speaking } from '../server/problems';
import { Calls } from '../tracker';
import type { ElectronMain } from './api';
import { type Call, CHANNEL, read } from './messages';
import { mainPlatform, type MainPlatform } from './platform';
import { scrubbing } from './places';

export interface MainSettings extends Pick<Options, 'consent' | 'params' | 'strict'> {
  /** The site's public id (`pub_...`). */
  apiKey: string;
  /** The gateway (`https://stats.example.com`), or the site's own endpoint. */
  endpoint: string;
  /** Addresses of the app's pages are `https://<domain>/...`: a domain of the site. */
  domain: string;
  /** `import * as electron from 'electron'`, or the four of it that are needed. */
  electron: ElectronMain;
  /** Whether a page of this address may tell something. Unless said: the app's own, the domain's, and of localhost. */
  trusts?: (url: string) => boolean;
  /** Is told what goes wrong. `console.warn`, once a minute, unless said. */
  onError?: (problem: Problem) => void;
}

const SIZES_MS = 1e3;

/** Pages of files and of the app's own schemes are the app's; of those of the web only its domain's. */
const trusting = (domain: string) => (url: string) => {
  if (!URL.canParse(url)) return false;
  const { protocol, hostname } = new URL(url);
  return /^https?:$/.test(protocol) ? hostname == domain || hostname == 'localhost' : !/^(data|blob|about|javascript):$/.test(protocol);
};

/** Nothing that leaves names a path of this machine, and every address is one of the web. */
function closeUp(tracker: Tracker, { app }: ElectronMain, domain: string): void {
  const scrub = scrubbing(app.getAppPath(), [app.getPath('userData'), app.getPath('home')]);
  const { options, platform, track } = tracker;
  tracker.url = (text) => {
    const url = /^https?:/i.test(text) ? text : text && `https://${domain}/`;
    return scrub(cleanUrl(url, options.params || [], !platform.asked()));
  };
  const own = (text: unknown): string => (typeof text == 'string' ? tracker.url(text) : '');
  const closed = ({ url, referrer, ...parts }: Parts): Parts => {
    const { element } = parts;
    if (element?.href) parts.element = { ...element, href: own(element.href) };
    return { ...scrub(parts), url: own(url ?? platform.here().url), ...(referrer && { referrer: own(referrer) }) };
  };
  tracker.track = (name, props, parts) => {
    try {
      track(name, scrub(props), closed(parts ?? {}));
    } catch (error) {
      tracker.say?.('broken', name, error); // it contains itself, or is too deep
    }
  };
}

function perform(tracker: Tracker, platform: MainPlatform, [method, ...given]: Call): void {
  if (method == 'online') void tracker.delivery.drain(platform.mayHurry());
  else (tracker[method] as (...given: unknown[]) => void)(...given);
}

/** The windows' events are this tracker's. */
function listen(tracker: Tracker, platform: MainPlatform, { electron, domain, trusts = trusting(domain) }: MainSettings): void {
  let since = 0;
  electron.ipcMain.on(CHANNEL, ({ senderFrame }, text) => {
    const message = senderFrame && trusts(senderFrame.url) ? read(text) : undefined;
    if (!message) return;
    const { call, common, asked } = message;
    // A batch has one answer to who asks for privacy, and one window's sizes: but windows that take turns must not
    // fill the queue with batches of one event each, so within a second both count with the first one's.
    const other = JSON.stringify(common) != JSON.stringify(platform.told.common) && Date.now() - since >= SIZES_MS;
    if (other || asked != platform.told.asked) {
      tracker.flush();
      platform.told = { common, asked };
      since = Date.now();
    }
    perform(tracker, platform, call);
  });
}

function live(tracker: Tracker, platform: MainPlatform, { app, powerMonitor }: ElectronMain): void {
  app.on('before-quit', tracker.leave);
  powerMonitor.on('suspend', tracker.leave);
  powerMonitor.on('resume', () => void tracker.delivery.drain(platform.mayHurry()));
  void app.whenReady().then(tracker.flush);
}

/** Counts the app's events; one in an app, made before its windows. */
export class FootfallTracker extends Calls {
  /** Sends what is there, and waits for the answers, at most so many milliseconds. */
  readonly close: (options?: { timeout?: number }) => Promise<void>;

  constructor(settings: MainSettings) {
    const { apiKey, endpoint, domain, electron, onError = speaking(), consent, params, strict } = settings;
    const platform = mainPlatform(electron, `${batchUrl(endpoint)}?site=${apiKey}`, domain);
    const tracker = track({ site: apiKey, consent, params, strict }, platform);
    const tell = safely(onError);
    tracker.say = (what, ...more) => {
      if (what == 'broken') tell({ kind: 'lost', message: broken(String(more[0]), more[1]), events: 1 });
      if (what != 'done' && what != 'retry' && what != 'lost') return;
      const problem = problemOf(what, more[0] as string, more[1] as Answer, true);
      if (problem) tell(problem);
    };
    closeUp(tracker, electron, domain);
    commerce(tracker);
    tracker.optOut = opting(tracker);
    const facade = new Facade(() => tracker);
    super(facade);
    facade.start({ site: apiKey, endpoint });
    listen(tracker, platform, settings);
    live(tracker, platform, electron);
    this.close = async ({ timeout = 2e3 } = {}) => {
      tracker.leave();
      let timer: ReturnType<typeof setTimeout> | undefined;
      await Promise.race([platform.landed(), new Promise((resolve) => (timer = setTimeout(resolve, timeout)))]);
      clearTimeout(timer);
    };
  }
}

export type { ElectronMain, Sender } from './api';
export type { Problem } from '../server/problems';
export type { Name } from '../tracker';
export type { Consent } from '../../core/options';
export type { Parts } from '../../core/tracker';
export type * from '../../generated/event';
