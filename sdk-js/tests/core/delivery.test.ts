// @vitest-environment node
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Answer, deliver, type Delivery, type Fate } from '../../src/core/delivery';
import { full, lock, Place } from './place';

const NOW = Date.UTC(2026, 10, 27, 12);
const WEEK = 7 * 86_400_000;
const PREFIX = 'ff.pub_1.';

let place: Place;
let fates: [fate: Fate, status: number | undefined][];
let delivery: Delivery;
let numbers = 0;

function made(own = place): Delivery {
  return deliver(own, PREFIX, own.disk, (fate, _, answer) => fates.push([fate, answer?.[0]]));
}

/** Adds a batch of events of these names, a millisecond after the last one. */
function add(...names: string[]): void {
  vi.setSystemTime(Date.now() + 1);
  delivery.add(names.map((name) => JSON.stringify({ name, event_id: `id-${++numbers}` })), { sdk: 'js/0' });
}

/** Moves time to the next attempt and says how long that took. */
async function next(): Promise<number> {
  const before = Date.now();
  const attempts = place.sent.length;
  await vi.advanceTimersToNextTimerAsync();
  expect(place.sent.length).toBeGreaterThan(attempts);
  return Date.now() - before;
}

beforeEach(() => {
  vi.useFakeTimers({ now: NOW });
  place = new Place();
  fates = [];
  delivery = made();
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

describe('batches', () => {
  it('are cut once: a retry has the same ids and events, and its own time of sending', async () => {
    place.fail(2);
    add('a', 'b');
    await delivery.drain();
    await next();
    await next();
    const [first, second, third] = place.sent;
    for (const again of [second!, third!]) {
      expect(again.batch_id).toBe(first!.batch_id);
      expect(again.events).toEqual(first!.events);
    }
    expect(second!.sent_at).toBeGreaterThan(first!.sent_at);
    expect(third!.sent_at).toBeGreaterThan(second!.sent_at);
    expect(fates).toEqual([['retry', 0], ['retry', 0], ['done', 202]]);
    expect(place.box).toEqual({});
  });

  it('go in the order in which they were made, one after the other', async () => {
    const answers: ((answer: Answer) => void)[] = [];
    for (let number = 0; number < 3; number++) place.answers.push(new Promise((answer) => answers.push(answer)));
    for (const name of ['a', 'b', 'c']) add(name);
    const drained = delivery.drain();
    void delivery.drain(true); // while one is at it
    await vi.advanceTimersByTimeAsync(10);
    for (const [number, sent] of [['a'], ['a', 'b'], ['a', 'b', 'c']].entries()) {
      expect(place.names()).toEqual(sent);
      answers[number]!([202]);
      await vi.advanceTimersByTimeAsync(10);
    }
    await drained;
    expect(place.names()).toEqual(['a', 'b', 'c']);
  });

  it('behind one that fails wait for it', async () => {
    place.fail(1, [503]);
    add('a');
    add('b');
    await delivery.drain();
    expect(place.names()).toEqual(['a']);
    await next();
    expect(place.names()).toEqual(['a', 'a', 'b']);
  });

  it('of others in the same box are not ours', async () => {
    place.box = { 'ff.pub_2.018f0000-0000-7000-b000-000000000000': '{"events":[]', 'ff.pub_1': '[]', theme: 'dark' };
    const before = { ...place.box };
    add('a');
    await delivery.drain();
    delivery.retreat(place.box);
    expect(place.names()).toEqual(['a']);
    expect(place.box).toEqual(before);
  });

  it('of an earlier page are sent by the next', async () => {
    place.fail(1);
    add('a');
    await delivery.drain();
    vi.clearAllTimers();
    const later = new Place();
    later.box = place.box;
    await made(later).drain();
    expect(later.sent[0]).toMatchObject({ batch_id: place.sent[0]!.batch_id, events: place.sent[0]!.events });
    expect(place.box).toEqual({});
  });
});

describe('after a failure', () => {
  it.each([0.002, 0.5, 0.999_999])('it waits at random, at most a second, then twice as long as before, at most 5 minutes: %d of it', async (random) => {
    vi.spyOn(Math, 'random').mockReturnValue(random);
    place.fail(12);
    add('a');
    await delivery.drain();
    for (let failure = 0; failure < 12; failure++)
      expect(await next()).toBe(Math.floor(random * Math.min(1000 * 2 ** failure, 300_000)));
    expect(fates.at(-1)).toEqual(['done', 202]);
  });

  it('the next one begins small again once something was taken', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.999_999);
    place.fail(6);
    add('a');
    await delivery.drain();
    for (let failure = 0; failure < 6; failure++) await next();
    place.fail(1);
    add('b');
    await delivery.drain();
    expect(await next()).toBeLessThanOrEqual(1000);
  });

  it('nothing is sent before its time, unless somebody knows better', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5);
    place.fail(1);
    add('a');
    await delivery.drain();
    vi.setSystemTime(Date.now() + 400);
    await delivery.drain();
    expect(place.sent).toHaveLength(1);
    await delivery.drain(true); // the network is back
    expect(place.sent).toHaveLength(2);
  });

  it.each([[503, 30, 30_000], [429, 2, 2000], [0, 0, 0]])('%d with Retry-After %d: not before that', async (status, seconds, least) => {
    place.fail(1, [status, seconds]);
    add('a');
    await delivery.drain();
    const waited = await next();
    expect(waited).toBeGreaterThanOrEqual(least);
    expect(waited).toBeLessThanOrEqual(least + 1000);
  });

  it('a Retry-After that is no number is none', async () => {
    place.fail(1, [503, NaN]);
    add('a');
    await delivery.drain();
    expect(await next()).toBeLessThanOrEqual(1000);
  });

  it.each([400, 401, 403, 413])('%d is for good', async (status) => {
    place.fail(1, [status]);
    add('a');
    add('b');
    await delivery.drain();
    expect(place.names()).toEqual(['a', 'b']);
    expect(fates).toEqual([['done', status], ['done', 202]]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each([0, 302, 402, 404, 408, 421, 422, 425, 429, 500, 502, 503, 504, 524])('%d is tried again', async (status) => {
    place.fail(1, [status]);
    add('a');
    await delivery.drain();
    await next();
    expect(place.names()).toEqual(['a', 'a']);
  });
});

describe('when the page ends', () => {
  it('what fits into 60,000 bytes goes, the newest first, and what was too much comes later', async () => {
    for (const name of ['a', 'b', 'c', 'd']) add(name + 'x'.repeat(18_000));
    delivery.leave();
    await vi.advanceTimersByTimeAsync(0);
    expect(place.names().map(([first]) => first)).toEqual(['d', 'c', 'b']);
    expect(place.sent.every(({ keep, leaving }) => keep && leaving)).toBe(true);
    expect(place.sent.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThan(60_000);
    await delivery.drain();
    expect(place.names().at(-1)![0]).toBe('a');
  });

  it('bytes count, not characters', async () => {
    add('é'.repeat(31_000));
    delivery.leave();
    await vi.advanceTimersByTimeAsync(0);
    expect(place.sent).toEqual([]);
    await delivery.drain();
    expect(place.sent[0]).toMatchObject({ keep: false, leaving: false });
  });

  it('what is under way counts, and is not sent twice', async () => {
    let answer!: (answer: Answer) => void;
    place.answers.push(new Promise((resolve) => (answer = resolve)));
    add('a' + 'x'.repeat(40_000));
    void delivery.drain();
    await vi.advanceTimersByTimeAsync(0);
    add('b' + 'x'.repeat(30_000));
    add('c');
    delivery.leave();
    await vi.advanceTimersByTimeAsync(0);
    expect(place.names().map(([first]) => first)).toEqual(['a', 'c']);
    answer([202]);
    await vi.advanceTimersByTimeAsync(0);
    expect(place.names().map(([first]) => first)).toEqual(['a', 'c', 'b']); // the one that drains goes on
  });

  it('while the server asks for patience it waits on the device, and goes where there is none', async () => {
    place.fail(1, [503, 60]);
    add('a');
    await delivery.drain();
    delivery.leave();
    expect(place.sent).toHaveLength(1);
    place.box = undefined;
    delivery.retreat(undefined);
    add('b');
    delivery.leave();
    expect(place.names()).toEqual(['a', 'b']);
  });
});

describe('bounds', () => {
  it('250 batches wait; of older ones the events are counted in the next', async () => {
    place.fail(1);
    for (let number = 0; number < 250; number++) add(`n${number}`, 'more');
    expect(Object.keys(place.box!)).toHaveLength(250);
    add('last');
    expect(Object.keys(place.box!)).toHaveLength(250);
    add('very last');
    await delivery.drain(true);
    await next();
    expect(fates.slice(0, 2)).toEqual([['lost', undefined], ['lost', undefined]]);
    expect(place.names()).not.toContain('n1');
    expect(place.names()).toContain('n2');
    expect(place.sent.slice(1).map(({ lost }) => lost)).toEqual([...Array<number>(248).fill(0), 2, 2]);
  });

  it('a batch a week old is dropped, one a moment younger is not', async () => {
    add('old');
    add('young');
    vi.setSystemTime(Date.now() + WEEK - 1);
    add('new');
    await delivery.drain();
    expect(place.names()).toEqual(['young', 'new']);
    expect(place.sent.map(({ lost }) => lost)).toEqual([0, 1]);
  });

  it('a batch that is dropped leaves to the next what it was to tell of', async () => {
    delivery.lose(3);
    add('a', 'b');
    vi.setSystemTime(Date.now() + WEEK);
    add('c');
    await delivery.drain();
    expect(place.sent).toMatchObject([{ lost: 5, events: [{ name: 'c' }] }]);
  });

  it('what else was dropped is counted, once', async () => {
    delivery.lose(3);
    add('a');
    add('b');
    await delivery.drain();
    expect(place.sent.map(({ lost }) => lost)).toEqual([3, 0]);
  });
});

describe('the device', () => {
  it.each([
    ['full', full()],
    ['full but for one batch', full(1)],
    ['blocked', undefined],
  ])('%s: memory takes it, in the same order', async (_, box) => {
    place.box = box;
    place.fail(1);
    for (const name of ['a', 'b', 'c']) add(name);
    await delivery.drain();
    await next();
    expect(place.names()).toEqual(['a', 'a', 'b', 'c']);
    expect({ ...box }).toEqual({});
  });

  it('may keep nothing from now on: batches go on in memory, and only ours', async () => {
    const box = place.box!;
    box.theme = 'dark';
    add('a');
    add('b');
    delivery.retreat(box);
    place.box = undefined;
    expect(box).toEqual({ theme: 'dark' });
    add('c');
    await delivery.drain();
    expect(place.names()).toEqual(['a', 'b', 'c']);
  });

  it('is forgotten once it is in memory, and not sent any more', async () => {
    place.box = full(1);
    add('on the device');
    add('in memory');
    delivery.retreat(place.box);
    delivery.clear();
    await delivery.drain();
    expect(place.sent).toEqual([]);
    expect({ ...place.box }).toEqual({});
  });
});

describe('one sends', () => {
  it('of all pages that share the disk: each batch once, never two at a time', async () => {
    const alone = lock();
    let flying = 0;
    const pages = [0, 1, 2].map(() => {
      const page = new Place();
      page.box = place.box;
      page.alone = alone;
      const { send } = page;
      page.send = async (...given) => {
        expect(++flying).toBe(1);
        await new Promise((resolve) => setTimeout(resolve, 20));
        flying--;
        return send(...given);
      };
      return page;
    });
    for (let number = 0; number < 9; number++) add(`n${number}`);
    const drained = pages.map((page) => made(page).drain());
    await vi.runAllTimersAsync();
    await Promise.all(drained);
    expect(pages.flatMap((page) => page.names()).sort()).toEqual(Array.from({ length: 9 }, (_, number) => `n${number}`));
  });

  it('a batch that comes while the one that sends has just looked for the last time is sent, too', async () => {
    place.alone = async (work) => {
      const done = await work();
      place.alone = (more) => more();
      add('late');
      void delivery.drain();
      return done;
    };
    add('a');
    await delivery.drain();
    await vi.advanceTimersByTimeAsync(0);
    expect(place.names()).toEqual(['a', 'late']);
  });

  it('and where a lock cannot be had, a later attempt is free to begin', async () => {
    place.alone = () => Promise.reject(new Error('no lock'));
    add('a');
    await delivery.drain();
    expect(place.sent).toEqual([]);
    place.alone = (work) => work();
    await delivery.drain();
    expect(place.names()).toEqual(['a']);
  });
});
