import { madeAt, uuid7 } from './ids';

/** What became of a batch, for whoever listens (`debug`); `done`: taken, or refused for good, as the answer says. */
export type Fate = 'done' | 'retry' | 'lost';
/** Status (0: no answer), seconds of Retry-After, and the body, which tells what was rejected. */
export type Answer = [status: number, retryAfter?: number, text?: string];
/** Batches by id, as texts. `localStorage` is one, too. */
export type Box = Record<string, string>;

/** What delivery needs of the place where it runs. */
export interface Means {
  /**
   * Sends a body; never rejects. `keep`: it is small enough to go on when the page ends;
   * `leaving`: the page may end right now.
   */
  send(body: string, keep: boolean, leaving: boolean): Promise<Answer>;
  /** Runs alone among all pages that share the disk. */
  alone<T>(work: () => Promise<T>): Promise<T>;
}

export interface Delivery {
  /** Makes a batch of events (JSON texts) and of what they have in common. */
  add: (events: string[], common: object) => void;
  /** Sends what waits, one batch after the other; after a failure again later. `now`: whatever the waiting. */
  drain: (now?: boolean) => Promise<void>;
  /** The page may end: all at once that fits into what a browser lets go on. */
  leave: () => void;
  /** Takes what waits on the device back into memory: nothing may be stored there from now on. */
  retreat: (disk: Box | undefined) => void;
  /** Forgets what is in memory, under way or not: it is not sent again. */
  clear: () => void;
  /** Counts an event as dropped; the next batch tells how many were. */
  lose: (events: number) => void;
}

const MOST_BATCHES = 250;
const KEPT_BYTES = 6e4; // a browser lets pages that end have 64 KiB under way
const WEEK = 6048e5;

/**
 * Batches on their way: cut once, so that every attempt carries the same ids; in the order they were made;
 * tried until they are taken, refused for good, a week old, or crowded out by newer ones (then counted as lost).
 * At least once: a batch whose answer was lost is sent again, and the server knows it by its id.
 *
 * `prefix`: what batches are called on the device begins so; other sites' on the same origin are not ours.
 * `disk`: where batches wait on the device; undefined while nothing may be stored, then it is in memory.
 * `told`: a batch's fate, and the timer of the next attempt: a server's must not keep its process from ending.
 */
export function deliver(
  means: Means,
  prefix: string,
  disk: () => Box | undefined,
  told: (fate: Fate, body: string, answer?: Answer, timer?: ReturnType<typeof setTimeout>) => void,
): Delivery {
  let memory: Box = {};
  const flying: Record<string, number> = {}; // under way
  let flyingBytes = 0;
  let lost = 0;
  let failures = 0;
  let notBefore = 0;
  let timer: ReturnType<typeof setTimeout>;
  let busy = false;

  const read = (key: string): string => memory[key] || disk()![key]!;
  const waiting = (): string[] =>
    Object.keys(memory)
      .concat(Object.keys(disk() || []))
      .filter((key) => key.startsWith(prefix) && !flying[key])
      .sort();
  const forget = (key: string): void => {
    delete memory[key];
    delete disk()?.[key];
  };

  /** Whether it is done with, for good or ill. */
  const attempt = async (key: string, leaving: boolean): Promise<boolean> => {
    const body = read(key);
    const bytes = new Blob([body]).size;
    const keep = flyingBytes + bytes < KEPT_BYTES;
    if (leaving && !keep) return false; // it stays queued
    flyingBytes += flying[key] = bytes;
    const answer = await means.send(`${body},"sent_at":${Date.now()}}`, keep, leaving);
    flyingBytes -= bytes;
    delete flying[key];
    const done = /2..|40[013]|413/.test(answer[0] as unknown as string);
    if (done) {
      forget(key);
      failures = notBefore = 0;
    } else {
      const wait = (answer[1] || 0) * 1e3 + Math.random() * Math.min(1e3 * 2 ** failures++, 3e5);
      notBefore = Date.now() + wait;
      clearTimeout(timer);
      timer = setTimeout(drain, wait, true); // eslint-disable-line @typescript-eslint/no-misused-promises -- it never rejects; `true`: it may come a moment early
    }
    told(done ? 'done' : 'retry', body, answer, timer);
    return done;
  };

  const drain = async (now?: boolean): Promise<void> => {
    if (busy || (!now && Date.now() < notBefore)) return;
    busy = true;
    await means
      .alone(async () => {
        let key;
        while ((key = waiting()[0]) && (await attempt(key, false)));
        busy = false; // in the same moment as the last look: what is added from now on, the next one sends
      })
      .catch(() => (busy = false));
  };

  return {
    drain,
    add(events, common) {
      const now = Date.now();
      const keys = waiting();
      keys.forEach((key, place) => {
        if (keys.length - place >= MOST_BATCHES || madeAt(key.slice(prefix.length)) < now - WEEK) {
          const body = read(key);
          told('lost', body);
          lost += body.split('"event_id"').length - 1 + (parseInt(body.split('"lost":')[1]!) || 0); // and those it was to tell of
          forget(key);
        }
      });
      const id = uuid7(now);
      const body = JSON.stringify({ ...common, batch_id: id, lost }).slice(0, -1) + `,"events":[${events}]`;
      lost = 0;
      try {
        disk()![prefix + id] = body;
      } catch {
        memory[prefix + id] = body; // nothing may be stored, or there is no room
      }
    },
    leave() {
      // On the device it waits for the next page, where the server asked for patience.
      if (!disk() || Date.now() >= notBefore) waiting().reverse().forEach((key) => void attempt(key, true));
    },
    retreat(from) {
      for (const key in from)
        if (key.startsWith(prefix)) {
          memory[key] = from[key]!;
          delete from[key];
        }
    },
    clear() {
      memory = {};
    },
    lose(events) {
      lost += events;
    },
  };
}
