/** `@footfall/sdk/playwright`: which events a page sends, asked of `footfall micro` in the page's own tests. */
import type { KnownName } from '../generated/event';
import type { Bad, Match, Received } from './received';
import { redirectBatches, redirectScripts, type Routed } from './redirect';
import { counts, nearest, one, refused, short } from './told';

export type { Bad, Enriched, Match, Received } from './received';
export type { Routed } from './redirect';
export type Name = KnownName | (string & {});
export type Wanted = Match<Received>;

export interface MicroSettings {
  /** Where `footfall micro` listens: `http://127.0.0.1:9090` unless said. */
  url?: string;
  /** The public id; unless said one of this test's own, so that tests can run side by side. */
  site?: string;
}

export interface Expected {
  /** At least so many (1). */
  count?: number;
  /** ms (10,000; at most 60,000). The SDK sends within 3 seconds, or when the page ends. */
  timeout?: number;
  /** Only events with a higher `seq`. */
  after?: number;
}

export interface Micro {
  url: string;
  site: string;
  /** The tag, for a page that the test writes itself. */
  tag: string;
  /**
   * Sends a page's events here, whichever site and endpoint it names; call it before `page.goto`. With the address of
   * the page's gateway, its script comes from here, too.
   */
  route(page: Routed, gateway?: string): Promise<void>;
  /** Waits for an event of this name that has all of `match`: the newest. Throws what came instead. */
  expectEvent(name: Name, match?: Wanted, expected?: Expected): Promise<Received>;
  /** Throws as soon as such an event comes; waits for `timeout` ms (4,000: longer than the SDK waits). */
  expectNoEvent(name: Name, match?: Wanted, expected?: Omit<Expected, 'count'>): Promise<void>;
  /** What came so far, in its order. */
  events(name?: Name, match?: Wanted): Promise<Received[]>;
  /** What was refused so far. */
  bad(): Promise<Bad[]>;
  /** Forgets everything, of all sites: not where tests run side by side. */
  reset(): Promise<void>;
}

type Query = Record<string, string | number | undefined>;
interface Answer {
  enough: boolean;
  message?: string;
  events?: Received[];
  bad?: Bad[];
}

/** For one test. */
export function footfallMicro({ url = 'http://127.0.0.1:9090', site = ownSite() }: MicroSettings = {}): Micro {
  url = url.replace(/\/$/, '');

  const ask = async (path: string, query: Query = {}, method = 'GET'): Promise<Answer> => {
    const asked = Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]]));
    const whole = `${url}/micro/${path}?${new URLSearchParams(asked)}`;
    const response = await fetch(whole, { method }).catch((cause: unknown) => {
      throw new Error(`footfall micro does not answer at ${url}: start it with \`footfall micro\``, { cause });
    });
    const answer = (await response.json()) as Answer;
    if (!response.ok && response.status != 408) throw new Error(`footfall micro refused the question: ${answer.message}`);
    return { ...answer, enough: response.ok };
  };

  const good = async (query: Query): Promise<Received[]> =>
    (await ask('good', { limit: 10_000, ...query })).events ?? [];

  const bad = async (): Promise<Bad[]> =>
    (await ask('bad', { limit: 10_000 })).bad?.filter((found) => found.site == site) ?? [];

  /** Events of this site once there are enough of them; undefined if there were not in time. */
  const wait = async (name: Name, match: Wanted, expected: Expected): Promise<Received[] | undefined> => {
    const { count, timeout = 10_000, after } = expected;
    const asked = { site, name, match: JSON.stringify(match), count, timeout: timeout / 1000, after };
    const { enough, events } = await ask('wait', asked);
    return enough ? events : undefined;
  };

  /** What to say where events did not come. */
  const missing = async (name: Name, match: Wanted, { count, timeout, after }: Required<Expected>): Promise<string> => {
    const came = await good({ site, after });
    const found = (await good({ site, after, name, match: JSON.stringify(match) })).filter((event) => !event.duplicate);
    return [
      `expected ${count} of ${what(name, match)} within ${timeout / 1000} s, ${found.length} came (site ${site})`,
      ...list('Nearest:', nearest(name, match, came)),
      came.length ? `All that came: ${counts(came)}` : await nothing(),
      ...list('Refused:', refused(await bad())),
    ].join('\n');
  };

  const nothing = async (): Promise<string> => {
    const others = counts(await good({}), (event) => event.site);
    const elsewhere = others && ` Of other sites: ${others}.`;
    return `Nothing came of this site.${elsewhere} Has the page this tag, or was route(page) called before it was opened?`;
  };

  return {
    url,
    site,
    tag: `<script defer src="${url}/f.js" data-site="${site}"></script>`,
    async route(page, gateway) {
      await page.addInitScript(redirectBatches, `${url}/v1/batch?site=${site}`);
      if (gateway) await redirectScripts(page, gateway, url);
    },
    async expectEvent(name, match = {}, { count = 1, timeout = 10_000, after = 0 } = {}) {
      const newest = (await wait(name, match, { count, timeout, after }))?.at(-1);
      if (newest) return newest;
      throw new Error(await missing(name, match, { count, timeout, after }));
    },
    async expectNoEvent(name, match = {}, { timeout = 4000, after = 0 } = {}) {
      const found = await wait(name, match, { timeout, after });
      if (found?.[0]) throw new Error(`expected none of ${what(name, match)}, but there is ${one(found[0])} (site ${site})`);
    },
    events: (name, match) => good({ site, name, match: match && JSON.stringify(match) }),
    bad,
    async reset() {
      await ask('reset', {}, 'POST');
    },
  };
}

function ownSite(): string {
  return `pub_${crypto.randomUUID().replaceAll('-', '').slice(0, 16)}`;
}

function what(name: Name, match: Wanted): string {
  return Object.keys(match).length ? `\`${name}\` with ${short(match)}` : `\`${name}\``;
}

function list(head: string, lines: readonly string[]): string[] {
  return lines.length ? [head, ...lines.map((line) => '  ' + line)] : [];
}
