import type { Brought } from './brought';
import { type Box, deliver, type Delivery, type Fate, type Means } from './delivery';
import { uuid7 } from './ids';
import type { Consent, Options } from './options';
import { cleanUrl, mask } from './privacy';
import type { Batch, Event, Props } from '../generated/event';

/** Everything of an event but what the tracker adds by itself. */
export type Parts = Partial<Omit<Event, 'name' | 'event_id' | 'session_id' | 'props'>>;
/** Something that works on a tracker: what captures by itself, an add-on, your own. */
export type Part = (tracker: Tracker) => void;
/** Why nothing is sent; empty: it is. */
export type Held = '' | 'off' | 'strict' | 'pending';

/** Where a tracker runs. */
export interface Platform extends Means {
  /** What outlives the page; undefined where there is none. Not asked before the first paint. */
  disk(): Box | undefined;
  /** The page, or an app's screen: its address, title (which may be a form of that name), and where the visitor came from. */
  here(): { url: string; title?: unknown; referrer?: string };
  /** Whether the visitor asks for privacy: GPC, Do Not Track. */
  asked(): boolean;
  /** What all events of a batch have in common. */
  common(): Partial<Batch>;
  /** May make a body smaller. */
  pack?(body: string): Promise<BodyInit>;
}

/** Takes events until they are cut into batches, and knows what may be sent and what kept. Nothing of it throws. */
export interface Tracker extends Brought {
  options: Options;
  platform: Platform;
  delivery: Delivery;
  /** The address of the page in view; empty: none was yet. */
  at: string;
  /** Nothing is sent while this is so. */
  paused: boolean;
  /** They said no to all of it, where the device can keep nothing. */
  out?: boolean;
  /** What is to be done while the page can still tell of itself: it may end, or becomes another one. */
  leaving: (() => void)[];
  /** Is told each event's fate; the part `debug` sets it. */
  say?: (what: Held | Fate | 'taken' | 'broken' | 'part', ...more: unknown[]) => void;
  /** Loads a part by its name. */
  bring?: (part: string) => void;
  /** A text without addresses, tokens and numbers that tell who somebody is. */
  mask: (text: string, most?: number) => string;
  /** An address as it may be sent. */
  url: (text: string) => string;
  /** Whether the visitor may be known again, and something be kept on the device. */
  known: () => boolean;
  /** Why nothing is sent now. */
  held: () => Held;
  /** Counts an event; it is sent within seconds. */
  track: (name: string, props?: Props, parts?: Parts) => void;
  /** Counts a page as viewed: the first, another one in its place, or (`anew`) one that is shown again. */
  page: (parts?: Parts, anew?: boolean) => void;
  /** Who this is, in your words: with consent only. */
  identify: (user: string) => void;
  /** What the visitor said about being known again. */
  consent: (state: Consent) => void;
  /** Forgets who this is: they logged out. */
  reset: () => void;
  /** Sends what is there. */
  flush: () => void;
  /** Sends what is there, since the page may end now. */
  leave: () => void;
  /** Under this name the device keeps what it keeps. */
  key: string;
}

/** The visitor as kept on the device: id, since when, session, its last event (ms). */
type Kept = [visitor: string, since: number, session: string, last: number];

const MOST_EVENTS = 25;
const MOST_CHARS = 12e3;
const MOST_HELD = 500;
const FLUSH_MS = 3e3;
const SESSION_MS = 18e5;
const VISITOR_MS = 31536e6;

export function track(options: Options, platform: Platform): Tracker {
  const key = 'ff.' + options.site;
  let said = options.consent;
  let open: string[] = [];
  let chars = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let kept: Kept | undefined; // where the device does not
  let tidy = false;

  const disk = (): Box | undefined => (tracker.known() ? platform.disk() : undefined);
  const delivery = deliver(platform, key + '.', disk, (...what) => tracker.say?.(...what));

  const forget = (): void => {
    kept = undefined;
    delete platform.disk()?.[key];
  };

  const who = (): Kept => {
    const now = Date.now();
    try {
      kept = JSON.parse(disk()![key]!) as Kept;
    } catch {
      // none there, or nothing can be: as this page remembers
    }
    if (!kept || !(kept[1] > now - VISITOR_MS)) kept = [uuid7(now), now, '', 0];
    if (now - kept[3] > SESSION_MS) kept[2] = uuid7(now);
    kept[3] = now;
    const found = kept;
    try {
      disk()![key] = JSON.stringify(found);
      kept = undefined; // what another tab takes off the device does not come back from here
    } catch {
      // no room: for this page at least
    }
    return found;
  };

  const cut = (): void => {
    clearTimeout(timer);
    timer = undefined;
    const held = tracker.held();
    if (held == 'pending') return;
    const known = tracker.known();
    if (held || (!known && !tidy)) {
      tidy = true;
      delivery.retreat(platform.disk());
      forget();
    }
    const events = open.filter((event) => known || !/^{"name":"identify"/.test(event));
    open = [];
    chars = 0;
    if (held) {
      delivery.clear(); // nor is sent what waits since before
      tracker.say?.(held, events);
    } else if (events[0]) {
      const [visitor_id, , session] = known ? who() : [];
      delivery.add(known ? events.map((event) => event.slice(0, -1) + `,"session_id":"${session}"}`) : events, {
        ...platform.common(), consent: said, visitor_id,
      }); // prettier-ignore
    }
  };

  const tracker: Tracker = {
    options,
    platform,
    delivery,
    key,
    at: '',
    paused: false,
    leaving: [],
    mask,
    url: (text) => cleanUrl(text, options.params || [], !platform.asked()),
    known: () => said == 'granted' && !platform.asked(),
    held: () =>
      platform.disk()?.[key + '!'] || tracker.out
        ? 'off'
        : options.strict && (said == 'denied' || platform.asked())
          ? 'strict'
          : tracker.paused || said == 'pending'
            ? 'pending'
            : '',
    track(name, props, parts) {
      const now = Date.now();
      try {
        const event = JSON.stringify({
          name, event_id: uuid7(now), occurred_at: now, url: tracker.url(platform.here().url), ...parts, props,
        }); // prettier-ignore
        chars += event.length;
        if (open.push(event) > MOST_HELD) {
          open.shift();
          delivery.lose(1);
        }
        tracker.say?.('taken', event);
      } catch (error) {
        tracker.say?.('broken', name, error);
      }
      if (open.length >= MOST_EVENTS || chars > MOST_CHARS) tracker.flush();
      else timer ||= setTimeout(tracker.flush, FLUSH_MS);
    },
    page(parts, anew) {
      const { url, title = '', referrer = '' } = platform.here();
      const first = anew || !tracker.at;
      if (!first) tracker.leaving.forEach((work) => work());
      const before = tracker.at || tracker.url(referrer);
      tracker.at = tracker.url(url);
      tracker.track(first ? 'page_view' : 'path_change', undefined, { title: mask(String(title)), referrer: before, ...parts });
    },
    identify: (user_id) => tracker.track('identify', undefined, { user_id }),
    consent(state) {
      said = state;
      tidy = false;
      tracker.flush();
    },
    reset() {
      cut();
      forget();
    },
    flush() {
      cut();
      void delivery.drain();
    },
    leave() {
      tracker.leaving.forEach((work) => work());
      cut();
      delivery.leave();
    },
  };
  return tracker;
}
