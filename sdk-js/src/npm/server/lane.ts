import { type Answer, type Box, deliver, type Delivery, type Fate } from '../../core/delivery';
import { eventsIn } from './problems';

/** Batches that go one after the other. A server has several lanes side by side. */
export class Lane {
  private readonly delivery: Delivery;
  private added = 0; // events
  private settled = 0;
  private waiters: { until: number; done: (patience: number) => void }[] = [];

  /** `prefix`: its batches are called so in the box; those of an earlier process wait there. */
  constructor(
    send: (body: string) => Promise<Answer>,
    prefix: string,
    box: Box | undefined,
    private readonly told: (fate: Fate, body: string, answer?: Answer) => void,
  ) {
    const means = { send, alone: <T>(work: () => Promise<T>) => work() };
    this.delivery = deliver(means, prefix, () => box, (...what) => this.heard(...what)); // prettier-ignore
    for (const key in box) if (key.startsWith(prefix)) this.added += eventsIn(box[key]!);
  }

  get waiting(): number {
    return this.added - this.settled;
  }

  add(events: string[], common: object): void {
    this.added += events.length;
    this.delivery.add(events, common);
  }

  /** Sends what is there, unless the gateway asked for patience. */
  drain(): void {
    void this.delivery.drain();
  }

  /** Sends what is there, whatever was asked for; resolves once all of it is settled or an attempt failed. */
  attempt(): Promise<number> {
    if (!this.waiting) return Promise.resolve(0);
    return new Promise((done) => {
      this.waiters.push({ until: this.added, done });
      void this.delivery.drain(true);
      setImmediate(() => void this.delivery.drain(true)); // one may have just been ending
    });
  }

  /** The next batch tells that so many events were dropped. */
  lose(events: number): void {
    this.delivery.lose(events);
  }

  clear(): void {
    this.delivery.clear();
    this.settled = this.added;
  }

  private heard(fate: Fate, body: string, answer?: Answer, timer?: ReturnType<typeof setTimeout>): void {
    timer?.unref(); // a process that has nothing else to do may end
    if (fate != 'retry') this.settled += eventsIn(body);
    this.told(fate, body, answer);
    const over = this.waiters.filter(({ until }) => fate == 'retry' || this.settled >= until);
    this.waiters = this.waiters.filter((waiter) => !over.includes(waiter));
    over.forEach(({ done }) => done((answer?.[1] ?? 0) * 1e3));
  }
}
