// @vitest-environment node
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Answer, Box } from '../../src/core/delivery';
import { opting } from '../../src/core/opting';
import type { Options } from '../../src/core/options';
import { track, type Tracker } from '../../src/core/tracker';
import type { Props } from '../../src/generated/event';
import { full, Place } from './place';

const NOW = Date.UTC(2026, 10, 27, 12);
const MINUTE = 60_000;
const DAY = 86_400_000;
const KEY = 'ff.pub_1';
const KNOWN: Partial<Options> = { consent: 'granted' };

let place: Place;

function tracking(options: Partial<Options> = {}, own = place): Tracker {
  return track({ site: 'pub_1', ...options }, own);
}

/** Lets everything leave that may. */
async function settle(tracker: Tracker): Promise<void> {
  tracker.flush();
  await vi.advanceTimersByTimeAsync(0);
}

/** Ids of the last batch. */
function ids(): { visitor?: string; session?: string } {
  const { visitor_id: visitor, events } = place.sent.at(-1)!;
  return { visitor, session: events[0]!.session_id };
}

beforeEach(() => {
  vi.useFakeTimers({ now: NOW });
  place = new Place();
});

afterEach(() => {
  vi.useRealTimers();
});

describe('events', () => {
  it('leave after 3 seconds, together', async () => {
    const tracker = tracking();
    tracker.track('a');
    await vi.advanceTimersByTimeAsync(2000);
    tracker.track('b', { plan: 'team', seats: 3 }, { title: 'T' });
    await vi.advanceTimersByTimeAsync(999);
    expect(place.sent).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(place.sent).toHaveLength(1);
    const [a, b] = place.sent[0]!.events;
    expect(a).toEqual({ name: 'a', event_id: expect.any(String) as string, occurred_at: NOW, url: 'https://shop.example/' });
    expect(b).toMatchObject({ name: 'b', occurred_at: NOW + 2000, title: 'T', props: { plan: 'team', seats: 3 } });
    expect(place.sent[0]).toMatchObject({ sdk: 'js/0', lost: 0, sent_at: NOW + 3000 });
  });

  it('a title that is none is no harm: a form of that name stands in its place', async () => {
    const tracker = tracking();
    place.here = () => ({ url: place.url, title: { name: 'title' } });
    tracker.page();
    await settle(tracker);
    expect(place.names()).toEqual(['page_view']);
  });

  it('leave at once when there are 25 or 12,000 characters of them', async () => {
    const tracker = tracking();
    for (let number = 0; number < 24; number++) tracker.track('n');
    tracker.track('a', { text: 'x'.repeat(10) });
    tracker.track('long', { text: 'x'.repeat(12_000) });
    await vi.advanceTimersByTimeAsync(0);
    expect(place.sent.map(({ events }) => events.length).sort()).toEqual([1, 25]);
  });

  it('that cannot be written break nothing, and the others come', async () => {
    const tracker = tracking();
    const said: unknown[] = [];
    tracker.say = (what, name) => what == 'broken' && said.push(name);
    const round: Record<string, unknown> = {};
    round.round = round;
    const odd: Record<string, unknown> = {
      round,
      big: { number: 1n },
      getter: { get x() { throw new Error('of the page') } },
      json: { toJSON() { throw new Error('of the page') } },
    }; // prettier-ignore
    for (const name in odd) expect(() => tracker.track(name, odd[name] as Props)).not.toThrow();
    for (const props of [null, 7, 'text', [], undefined]) tracker.track('fine', props as unknown as Props);
    tracker.track(undefined as unknown as string);
    await settle(tracker);
    expect(said).toEqual(Object.keys(odd));
    expect(place.names()).toEqual(['fine', 'fine', 'fine', 'fine', 'fine', undefined]);
  });

  it('of a page without a disk are sent, too', async () => {
    for (const box of [undefined, full()]) {
      place = new Place();
      place.box = box;
      const tracker = tracking(KNOWN);
      tracker.track('a');
      await settle(tracker);
      const first = ids();
      tracker.track('b');
      await settle(tracker);
      expect(place.names()).toEqual(['a', 'b']);
      expect(first.visitor).toBeTruthy();
      expect(ids()).toEqual(first); // this page remembers
    }
  });
});

describe('pages', () => {
  it('are views, then paths that follow each other', async () => {
    const tracker = tracking();
    const left = vi.fn();
    tracker.leaving.push(left);
    place.here = () => ({ url: place.url, title: 'of jane@example.org', referrer: 'https://search.example/?q=x' });
    tracker.page();
    expect(left).not.toHaveBeenCalled();
    place.url = 'https://shop.example/b?utm_source=x&token=1';
    tracker.page();
    expect(left).toHaveBeenCalledOnce();
    tracker.page({ referrer: 'https://shop.example/own' }, true);
    await settle(tracker);
    const told = place.sent[0]!.events.map(({ name, url, referrer, title }) => [name, url, referrer, title]);
    expect(told).toEqual([
      ['page_view', 'https://shop.example/', 'https://search.example/', 'of *'],
      ['path_change', 'https://shop.example/b?utm_source=x', 'https://shop.example/', 'of *'],
      ['page_view', 'https://shop.example/b?utm_source=x', 'https://shop.example/own', 'of *'],
    ]);
  });

  it('that may end tell the last and send all, so that it goes on without them', async () => {
    const tracker = tracking();
    tracker.leaving.push(() => tracker.track('last'));
    tracker.track('a');
    tracker.leave();
    await vi.advanceTimersByTimeAsync(0);
    expect(place.names()).toEqual(['a', 'last']);
    expect(place.sent[0]).toMatchObject({ keep: true, leaving: true });
  });
});

describe('without consent', () => {
  it.each([undefined, 'denied'] as const)('%s: counted, without an id, and nothing is kept', async (consent) => {
    const tracker = tracking({ consent });
    place.fail(1);
    tracker.track('a');
    await settle(tracker);
    tracker.identify('u1');
    await vi.advanceTimersByTimeAsync(10_000);
    expect(place.names()).toEqual(['a', 'a']);
    for (const sent of place.sent) {
      expect(sent.visitor_id).toBeUndefined();
      expect(sent.consent).toBe(consent);
      expect(sent.events[0]!.session_id).toBeUndefined();
    }
    expect(place.box).toEqual({});
  });

  it('what an earlier yes has left on the device goes; batches go on in memory', async () => {
    place.fail(1);
    const before = tracking(KNOWN);
    before.track('a');
    await settle(before);
    vi.clearAllTimers();
    expect(Object.keys(place.box!)).toHaveLength(2);
    vi.setSystemTime(NOW + 1);
    const tracker = tracking();
    tracker.track('b');
    await settle(tracker);
    expect(place.box).toEqual({});
    expect(place.names()).toEqual(['a', 'a', 'b']);
    expect(place.sent[1]!.batch_id).toBe(place.sent[0]!.batch_id);
    expect(ids()).toEqual({});
  });

  it('an event of ones own whose name begins as identify does is counted', async () => {
    const tracker = tracking();
    for (const name of ['idle', 'id_checked', 'identity_proven']) tracker.track(name);
    await settle(tracker);
    expect(place.names()).toEqual(['idle', 'id_checked', 'identity_proven']);
  });
});

describe('while nobody has answered', () => {
  it.each([
    ['granted', ['a', 'identify', 'b'], true],
    ['denied', ['a', 'b'], false],
  ] as const)('events wait, and nothing is kept; then %s', async (answer, names, known) => {
    const tracker = tracking({ consent: 'pending' });
    tracker.track('a');
    tracker.identify('u1');
    tracker.track('b');
    await vi.advanceTimersByTimeAsync(MINUTE);
    tracker.leave();
    expect(tracker.held()).toBe('pending');
    expect(place.sent).toEqual([]);
    expect(place.box).toEqual({});
    tracker.consent(answer);
    await vi.advanceTimersByTimeAsync(0);
    expect(place.names()).toEqual(names);
    expect(place.sent[0]!.events[0]!.occurred_at).toBe(NOW);
    expect(place.sent[0]!.consent).toBe(answer);
    expect(!!place.sent[0]!.visitor_id).toBe(known);
    expect(KEY in place.box!).toBe(known);
  });

  it('the newest 500 wait, and the others are counted as lost', async () => {
    const tracker = tracking({ consent: 'pending' });
    for (let number = 0; number < 620; number++) tracker.track(`n${number}`);
    tracker.consent('granted');
    await vi.advanceTimersByTimeAsync(0);
    expect(place.names()).toEqual(Array.from({ length: 500 }, (_, number) => `n${number + 120}`));
    expect(place.sent[0]!.lost).toBe(120);
  });

  it('a paused tracker keeps them, too', async () => {
    const tracker = tracking();
    tracker.paused = true;
    tracker.track('a');
    await vi.advanceTimersByTimeAsync(MINUTE);
    expect(place.sent).toEqual([]);
    tracker.paused = false;
    await settle(tracker);
    expect(place.names()).toEqual(['a']);
  });
});

describe('with consent', () => {
  it('the visitor is the same on the next page, for 365 days since the first one', async () => {
    const first = tracking(KNOWN);
    first.identify('u1');
    await settle(first);
    const { visitor } = ids();
    expect(place.sent[0]!.events[0]).toMatchObject({ name: 'identify', user_id: 'u1' });
    for (const [days, same] of [[364, true], [364.999, true], [365, false]] as const) {
      vi.setSystemTime(NOW + days * DAY);
      const later = tracking(KNOWN);
      later.track('a');
      await settle(later);
      expect(ids().visitor == visitor).toBe(same);
    }
  });

  it('a session ends with more than 30 minutes in which nothing happened', async () => {
    const tracker = tracking(KNOWN);
    const sessions: (string | undefined)[] = [];
    for (const minutes of [0, 30, 30, 30.1]) {
      vi.setSystemTime(Date.now() + minutes * MINUTE);
      tracker.track('a');
      await settle(tracker);
      sessions.push(ids().session);
    }
    expect(sessions[0]).toMatch(/^[\da-f-]{36}$/);
    expect(sessions.map((session) => session == sessions[0])).toEqual([true, true, true, false]);
    expect(new Set(place.sent.map(({ visitor_id }) => visitor_id)).size).toBe(1);
  });

  it('pages that are open at the same time share both', async () => {
    const [one, other] = [tracking(KNOWN), tracking(KNOWN)];
    one.track('a');
    await settle(one);
    const first = ids();
    vi.setSystemTime(NOW + 31 * MINUTE);
    other.track('b');
    await settle(other);
    expect(ids().visitor).toBe(first.visitor);
    const second = ids();
    one.track('c');
    await settle(one);
    expect(ids()).toEqual(second);
    expect(second.session).not.toBe(first.session);
  });

  it.each(['', 'null', '7', '{"a', '[]', '["x"]', '["x",1,"s",1]'])('of %j on the device nothing comes but a new visitor', async (broken) => {
    place.box = { [KEY]: broken };
    const tracker = tracking(KNOWN);
    tracker.track('a');
    await settle(tracker);
    expect(ids().visitor).toMatch(/^[\da-f-]{36}$/);
    expect(ids().session).toMatch(/^[\da-f-]{36}$/);
  });

  it('reset: what comes after is of somebody else', async () => {
    const tracker = tracking(KNOWN);
    tracker.track('a');
    tracker.reset();
    vi.setSystemTime(NOW + 1);
    tracker.track('b');
    await settle(tracker);
    const [a, b] = place.sent;
    expect(place.names()).toEqual(['a', 'b']);
    expect(b!.visitor_id).not.toBe(a!.visitor_id);
    expect(b!.events[0]!.session_id).not.toBe(a!.events[0]!.session_id);
  });

  it('taken back: the id goes, and what comes has none', async () => {
    const tracker = tracking(KNOWN);
    tracker.track('a');
    await settle(tracker);
    tracker.consent('denied');
    expect(place.box).toEqual({});
    tracker.track('b');
    await settle(tracker);
    expect(ids()).toEqual({});
    tracker.consent('granted');
    tracker.track('c');
    await settle(tracker);
    expect(ids().visitor).not.toBe(place.sent[0]!.visitor_id);
    tracker.consent('denied'); // and again
    expect(place.box).toEqual({});
  });

  it('reset holds for the other tabs at once', async () => {
    const other = tracking(KNOWN);
    const tracker = tracking(KNOWN);
    for (const one of [tracker, other]) {
      one.track('a');
      await settle(one);
    }
    tracker.reset();
    other.track('b');
    await settle(other);
    tracker.track('c');
    await settle(tracker);
    const visitors = place.sent.map(({ visitor_id }) => visitor_id);
    expect(visitors[0]).toBe(visitors[1]);
    expect(visitors[2]).not.toBe(visitors[0]);
    expect(visitors[2]).toBe(visitors[3]);
  });

  it('taken back in one tab, or cleared by the browser, the id does not come back from another tab', async () => {
    const [tracker, other] = [tracking(KNOWN), tracking(KNOWN)];
    for (const one of [tracker, other]) {
      one.track('a');
      await settle(one);
    }
    tracker.consent('denied');
    other.track('b');
    await settle(other);
    const visitors = place.sent.map(({ visitor_id }) => visitor_id);
    expect(visitors[1]).toBe(visitors[0]);
    expect(visitors[2]).not.toBe(visitors[0]);
    expect(JSON.stringify(place.box)).not.toContain(visitors[0]);
  });

  it('reset keeps nothing where nothing may be kept', () => {
    tracking().reset();
    expect(place.box).toEqual({});
    place.box = { [KEY + '!']: '1' };
    tracking(KNOWN).reset();
    expect(place.box).toEqual({ [KEY + '!']: '1' });
  });

  /** What they say no by. */
  const NOES: [string, (tracker: Tracker) => void, Box][] = [
    ['opting out', (tracker) => opting(tracker)(), { [KEY + '!']: '1' }],
    ['denied, and strict', (tracker) => tracker.consent('denied'), {}],
  ];

  it.each(NOES)('%s: nothing of before is sent or kept, be it under way', async (_, no, left) => {
    let answer: (answer: Answer) => void = () => undefined;
    const tracker = tracking({ ...KNOWN, strict: true });
    place.answers.push(new Promise((resolve) => (answer = resolve)));
    tracker.track('under way');
    await settle(tracker);
    tracker.track('behind it');
    await settle(tracker);
    tracker.track('not cut yet');
    no(tracker);
    expect(place.box).toEqual(left);
    answer([503]);
    await vi.advanceTimersByTimeAsync(MINUTE);
    expect(place.names()).toEqual(['under way']);
    expect(place.box).toEqual(left);
  });

  it('opting out holds where the device can keep nothing, until it is taken back', async () => {
    place.box = undefined;
    const tracker = tracking(KNOWN);
    tracker.track('before');
    opting(tracker)();
    tracker.track('while out');
    await settle(tracker);
    opting(tracker)(false);
    tracker.track('after');
    await settle(tracker);
    expect(place.names()).toEqual(['after']);
  });
});

describe('privacy', () => {
  it('GPC is stronger than consent: no id, no click id, no identify, nothing kept', async () => {
    place.privacy = true;
    place.url = 'https://shop.example/?gclid=x&utm_source=y';
    const tracker = tracking(KNOWN);
    tracker.track('a');
    tracker.identify('u1');
    await settle(tracker);
    expect(place.names()).toEqual(['a']);
    expect(ids()).toEqual({});
    expect(place.sent[0]!.events[0]!.url).toBe('https://shop.example/?utm_source=y');
    expect(place.box).toEqual({});
  });

  it('without it click ids are kept', async () => {
    place.url = 'https://shop.example/?gclid=x&id=7&q=z';
    const tracker = tracking({ params: ['id'] });
    tracker.track('a');
    await settle(tracker);
    expect(place.sent[0]!.events[0]!.url).toBe('https://shop.example/?gclid=x&id=7');
  });

  it.each([
    ['GPC', true, undefined, 'strict'],
    ['a no', false, 'denied', 'strict'],
    ['neither', false, undefined, ''],
    ['a yes', false, 'granted', ''],
  ] as const)('strict, and %s', async (_, asked, consent, held) => {
    place.privacy = asked;
    const tracker = tracking({ strict: true, consent });
    tracker.track('a');
    expect(tracker.held()).toBe(held);
    await settle(tracker);
    expect(place.names()).toEqual(held ? [] : ['a']);
  });

  it('a device that has opted out sends nothing, until it is taken back', async () => {
    place.box = { [KEY + '!']: '1' };
    const tracker = tracking(KNOWN);
    const said: unknown[] = [];
    tracker.say = (what) => said.push(what);
    tracker.page();
    await settle(tracker);
    tracker.leave();
    expect(place.sent).toEqual([]);
    expect(place.box).toEqual({ [KEY + '!']: '1' });
    expect(said).toContain('off');
    delete place.box[KEY + '!'];
    tracker.track('b');
    await settle(tracker);
    expect(place.names()).toEqual(['b']);
  });
});
