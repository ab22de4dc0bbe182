// @vitest-environment node
import fc from 'fast-check';
import { afterEach, expect, test, vi } from 'vitest';
import { type Answer, deliver, type Delivery } from '../../src/core/delivery';
import { full, Place } from './place';

const NOW = Date.UTC(2026, 10, 27, 12);
const PREFIX = 'ff.pub_1.';
const FOR_GOOD = [202, 400, 401, 403, 413];

/** What the network makes of one body: after so many ms, with this status (0: nobody answers). */
type Fortune = { ms: number; status: number; retryAfter: number };
type Step =
  | { do: 'add'; events: number; size: number }
  | { do: 'wait'; ms: number }
  | { do: 'drain' | 'online' | 'leave' | 'reload' };

const fortune: fc.Arbitrary<Fortune> = fc.record({
  ms: fc.integer({ min: 0, max: 20_000 }),
  status: fc.constantFrom(202, 202, 0, 0, 429, 500, 503, 400, 413),
  retryAfter: fc.constantFrom(0, 0, 1, 60),
});
const add: fc.Arbitrary<Step> = fc.record({
  do: fc.constant('add' as const), events: fc.integer({ min: 1, max: 5 }), size: fc.constantFrom(0, 100, 20_000, 70_000),
}); // prettier-ignore
const wait: fc.Arbitrary<Step> = fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 60_000 }) });
const just = (...names: ('drain' | 'online' | 'leave' | 'reload')[]): fc.Arbitrary<Step> => fc.record({ do: fc.constantFrom(...names) });

const steps = (other: fc.Arbitrary<Step>): fc.Arbitrary<Step[]> => fc.array(fc.oneof(add, add, wait, just('drain'), other), { maxLength: 40 });
const fortunes = fc.array(fortune, { maxLength: 40 });

afterEach(() => {
  vi.useRealTimers();
});

/** A visitor with pages one after the other, each of them alone with the same disk. */
class Visit {
  /** Of every batch the events as they were added, in the order of adding. */
  made = new Map<string, string[]>();
  /** Batches that were taken or refused for good, and heard so. */
  done: string[] = [];
  /** Every attempt. */
  attempts: { id: string; names: string[]; sent: number }[] = [];
  private place = new Place();
  private delivery!: Delivery;
  private pages = 0;
  private events = 0;

  constructor(
    private readonly box: Place['box'],
    private readonly fortunes: Fortune[],
  ) {
    this.open();
  }

  async act(step: Step): Promise<void> {
    if (step.do == 'add') this.add(step.events, step.size);
    else if (step.do == 'wait') await vi.advanceTimersByTimeAsync(step.ms);
    else if (step.do == 'leave') this.delivery.leave();
    else if (step.do == 'reload') this.open();
    else void this.delivery.drain(step.do == 'online');
    await vi.advanceTimersByTimeAsync(1); // batches of the same millisecond have no order
  }

  /** The network is well again, and everything may arrive. */
  async end(): Promise<void> {
    this.fortunes.length = 0;
    await vi.advanceTimersByTimeAsync(30_000); // what is under way is answered
    void this.delivery.drain(true);
    await vi.advanceTimersByTimeAsync(30_000);
  }

  /** What the page before had under way may have arrived, and nobody hears of it. */
  private open(): void {
    vi.clearAllTimers();
    const page = ++this.pages;
    this.place = new Place();
    this.place.box = this.box;
    this.place.send = (body) => this.send(body, page);
    this.delivery = deliver(this.place, PREFIX, this.place.disk, () => undefined);
  }

  private add(events: number, size: number): void {
    const names = Array.from({ length: events }, () => `n${this.events++}`);
    const pad = 'x'.repeat(size);
    this.delivery.add(names.map((name) => JSON.stringify({ name, event_id: name, pad })), {});
    this.made.set(names.join(), names);
  }

  private send(body: string, page: number): Promise<Answer> {
    const { batch_id: id, events } = JSON.parse(body) as { batch_id: string; events: { name: string }[] };
    this.attempts.push({ id, names: events.map(({ name }) => name), sent: Date.now() });
    const { ms, status, retryAfter } = this.fortunes.shift() ?? { ms: 5, status: 202, retryAfter: 0 };
    return new Promise((resolve) => {
      setTimeout(() => {
        if (FOR_GOOD.includes(status) && page == this.pages) this.done.push(id);
        resolve([status, retryAfter]);
      }, ms);
    });
  }
}

async function visit(all: Step[], luck: Fortune[], box: Place['box']): Promise<Visit> {
  vi.useFakeTimers({ now: NOW });
  vi.clearAllTimers();
  const visited = new Visit(box, [...luck]);
  for (const step of all) await visited.act(step);
  await visited.end();
  return visited;
}

/** Every batch was done with, as it was made, and never sent again after that. */
function nothingLost({ made, attempts, done }: Visit): void {
  const cuts = new Map<string, string>();
  for (const { id, names } of attempts) {
    expect(made.has(names.join())).toBe(true);
    expect(cuts.get(id) ?? names.join()).toBe(names.join());
    cuts.set(id, names.join());
  }
  expect(new Set(cuts.values()).size).toBe(cuts.size);
  expect(new Set(done).size).toBe(done.length);
  expect(done.map((id) => cuts.get(id)).sort()).toEqual([...made.keys()].sort());
}

test.each([
  ['on the device', () => ({})],
  ['in memory', () => undefined],
  ['on a full device', () => full(2)],
])('whatever the network does, nothing is lost, cut anew or sent after it was taken: %s', async (_, box) => {
  await fc.assert(
    fc.asyncProperty(steps(just('online', 'leave')), fortunes, async (all, luck) => {
      nothingLost(await visit(all, luck, box()));
    }),
    { numRuns: 200 },
  );
});

test('nor when pages end and others come', async () => {
  await fc.assert(
    fc.asyncProperty(steps(just('online', 'leave', 'reload')), fortunes, async (all, luck) => {
      nothingLost(await visit(all, luck, {}));
    }),
    { numRuns: 200 },
  );
});

test('while no page ends, batches are taken in the order in which they were made, one at a time', async () => {
  await fc.assert(
    fc.asyncProperty(steps(just('online')), fortunes, async (all, luck) => {
      const visited = await visit(all, luck, {});
      nothingLost(visited);
      const names = new Map(visited.attempts.map(({ id, names }) => [id, names.join()]));
      expect(visited.done.map((id) => names.get(id))).toEqual([...visited.made.keys()]);
    }),
    { numRuns: 200 },
  );
});
