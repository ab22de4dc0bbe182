import type { Options } from '../core/options';
import type { Part, Tracker } from '../core/tracker';

/** The address that takes batches: a gateway's own is enough, a site's own endpoint is kept as it is. */
export function batchUrl(endpoint: string): string {
  return /^(https?:\/\/[^/]+)?\/?$/.test(endpoint) ? endpoint.replace(/\/?$/, '/v1/batch') : endpoint;
}

export interface Settings extends Options {
  /** The gateway (`https://stats.example.com`), or the site's own endpoint (`/s/collect`). */
  endpoint: string;
}

/**
 * Starts a tracker where a program runs; undefined where nothing is to be counted, such as a page that is
 * made on a server. `endpoint` takes batches; `more` is to be called once the tracker has more methods.
 */
export type Platform = (options: Options, endpoint: string, more: () => void) => Tracker | undefined;

/** What is called on a tracker. */
type Method = {
  [Name in keyof Tracker]-?: NonNullable<Tracker[Name]> extends (...given: never[]) => void ? Name : never;
}[keyof Tracker];
export type Given<Name extends Method> = Parameters<NonNullable<Tracker[Name]>>;

const MOST_WAITING = 500;

/** A tracker whose methods can be called before it was started: calls wait for it, in their order. */
export class Facade {
  private tracker: Tracker | undefined;
  private waiting: (() => boolean)[] = [];
  private over = false;

  constructor(private readonly platform: Platform) {}

  /** Once; whatever comes after changes nothing. */
  start({ endpoint, ...options }: Settings): void {
    if (this.tracker || this.over) return;
    this.tracker = this.platform(options, batchUrl(endpoint), () => this.again());
    this.over = !this.tracker;
    this.again();
  }

  call<Name extends Method>(name: Name, ...given: Given<Name>): void {
    const work = (): boolean => {
      const method = this.tracker?.[name] as ((...given: Given<Name>) => void) | undefined;
      method?.(...given);
      return !!method;
    };
    this.run(work);
  }

  /** Lets a part of your own, or an add-on, work on the tracker. */
  use(part: Part): void {
    this.run(() => {
      if (this.tracker) part(this.tracker);
      return !!this.tracker;
    });
  }

  private run(work: () => boolean): void {
    if (this.over || work()) return;
    if (this.waiting.push(work) > MOST_WAITING) this.waiting.shift();
  }

  private again(): void {
    const waiting = this.waiting;
    this.waiting = [];
    waiting.forEach((work) => this.run(work));
  }
}
