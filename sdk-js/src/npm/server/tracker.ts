import type { Answer, Fate } from '../../core/delivery';
import { uuid7 } from '../../core/ids';
import { cleanUrl } from '../../core/privacy';
import { MAX_BATCH_BYTES, MAX_BATCH_EVENTS } from '../../generated/event';
import { batchUrl } from '../facade';
import type { Name } from '../tracker';
import { fileBox } from './box';
import { Lane } from './lane';
import { type Open, OpenBatches, type ServerParts } from './open';
import { type Post, posting } from './post';
import { broken, eventsIn, type Problem, problemOf, safely, speaking, takenOf } from './problems';
import { type Ending, endingWith } from './ending';

/** Set when built. */
declare const VERSION: string;

export interface ServerSettings {
  /** A secret server key (`sk_...`); `footfall key create` makes one. */
  apiKey: string;
  /** The gateway (`https://stats.example.com`), or the site's own endpoint. */
  endpoint: string;
  /** Milliseconds after which events are sent at the latest. 1,000 unless said. */
  interval?: number;
  /** Events in a batch, at most 500. */
  batchSize?: number;
  /** Batches wait here, and outlive the process: of this process alone. In memory unless said. */
  directory?: string;
  /** Parameters of an address's query that may be sent, besides those of campaigns. */
  params?: readonly string[];
  /** On these events of the process all is sent before it ends. None unless said. */
  closeOn?: readonly Ending[];
  /** Is told what goes wrong. `console.warn`, once a minute, unless said. */
  onError?: (problem: Problem) => void;
}

/** How many events, since the tracker was made. */
export interface Report {
  /** Taken by the gateway: durable. */
  sent: number;
  /** Not taken, since something is wrong with them. */
  rejected: number;
  /** Dropped here, or refused with their batch. */
  lost: number;
  /** Not sent yet. */
  waiting: number;
}

const MOST_BYTES = MAX_BATCH_BYTES / 2; // so that there is room for what is sent beside the events
const LONGEST_PAUSE = 2e3;
const LANES = 4; // where each event has another client, one lane would be as slow as a request for each
const PREFIX = 'batch.';

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Sends a server's events: in batches, again until they are taken. Nothing of it throws. */
export class FootfallTracker {
  private readonly report: Report = { sent: 0, rejected: 0, lost: 0, waiting: 0 };
  private readonly open = new OpenBatches();
  private readonly post: Post;
  private readonly lanes: Lane[];
  private readonly tell: (problem: Problem) => void;
  private timer: NodeJS.Timeout | undefined;
  private turn = 0;
  private closed = '';

  constructor(private readonly settings: ServerSettings) {
    const { apiKey, endpoint, directory, onError = speaking(), closeOn = [] } = settings;
    const tell = safely(onError);
    this.tell = (problem) => tell({ ...problem, message: apiKey ? problem.message.replaceAll(apiKey, 'sk_...') : problem.message });
    if (!apiKey?.startsWith('sk_')) this.closed = 'apiKey must be a server key (sk_...): `footfall key create` makes one';
    this.post = posting(batchUrl(endpoint), { authorization: `Bearer ${apiKey}` }, (...given) => fetch(...given));
    const box = directory ? fileBox(directory) : undefined;
    this.lanes = Array.from(
      { length: LANES },
      (_, lane) => new Lane((body) => this.post.send(body), `${PREFIX}${lane}.`, box, (...what) => this.told(...what)),
    );
    for (const lane of this.lanes) this.report.waiting += lane.waiting;
    if (!this.closed) this.drain();
    endingWith(closeOn, () => this.close());
  }

  /** Counts an event; it is sent within a second. */
  readonly track = (name: Name, parts?: ServerParts): void => {
    if (this.closed) {
      this.drop(1, this.closed);
      return;
    }
    const { address, user_agent, language, consent, occurred_at = Date.now(), url, referrer, event_id, ...rest } = parts ?? {};
    const clean = (text?: string): string | undefined =>
      text && cleanUrl(text, this.settings.params ?? [], consent != 'denied' && consent != 'pending');
    try {
      const at = Number(occurred_at);
      const event = JSON.stringify({
        name,
        event_id: event_id ?? uuid7(Date.now()),
        occurred_at: at,
        url: clean(url),
        referrer: clean(referrer),
        ...rest,
      });
      this.take(event, { address, user_agent, language, consent });
    } catch (error) {
      this.drop(1, broken(name, error));
    }
  };

  /** Counts a page that this server has answered with; leave it to the tag where pages have it. */
  readonly page = (url: string, parts: ServerParts = {}): void => this.track('page_view', { ...parts, url });

  /** This visitor is that user, in your words. */
  readonly identify = (user_id: string, parts: ServerParts & { visitor_id: string }): void =>
    this.track('identify', { ...parts, user_id });

  /** Sends what is there, now. Resolves once all of it was taken, or refused, or an attempt failed: then it waits. */
  readonly flush = async (): Promise<Report> => {
    await this.attempt();
    return { ...this.report };
  };

  /** The last that is called: sends what is there, for so many milliseconds again and again. */
  readonly close = async ({ timeout = 1e4 } = {}): Promise<Report> => {
    const end = Date.now() + timeout;
    this.closed ||= 'it came after close()';
    const ended = setTimeout(() => this.post.stop(), timeout);
    for (let next = 100; this.report.waiting; next *= 2) {
      const patience = (await this.attempt()) || Math.min(next, LONGEST_PAUSE);
      if (!this.report.waiting || Date.now() + patience >= end) break;
      await pause(patience);
    }
    clearTimeout(ended);
    if (!this.settings.directory) {
      this.lanes.forEach((lane) => lane.clear());
      this.drop(this.report.waiting, 'they were not taken before close() ended', true);
    }
    return { ...this.report };
  };

  /** Milliseconds that the gateway asks for, if it does. */
  private async attempt(): Promise<number> {
    this.cut();
    return Math.max(...(await Promise.all(this.lanes.map((lane) => lane.attempt()))));
  }

  private drain(): void {
    this.lanes.forEach((lane) => lane.drain());
  }

  private take(event: string, client: Open['client']): void {
    const bytes = Buffer.byteLength(event);
    if (bytes > MOST_BYTES) {
      this.drop(1, `an event of ${bytes} bytes: at most ${MOST_BYTES}`);
      return;
    }
    this.report.waiting++;
    const open = this.open.add(event, bytes, client);
    const most = Math.min(this.settings.batchSize ?? MAX_BATCH_EVENTS, MAX_BATCH_EVENTS);
    if (open.events.length >= most || open.bytes > MOST_BYTES) {
      this.cut(open);
      this.drain();
    }
    this.timer ??= setTimeout(() => {
      this.cut();
      this.drain();
    }, this.settings.interval ?? 1e3).unref();
  }

  private cut(only?: Open): void {
    if (!only) {
      clearTimeout(this.timer);
      this.timer = undefined;
    }
    for (const { client, events } of this.open.take(only)) this.lanes[this.turn++ % LANES]!.add(events, { sdk: 'node/' + VERSION, ...client });
  }

  private drop(events: number, message: string, waiting = false): void {
    if (!events) return;
    this.report.lost += events;
    if (waiting) this.report.waiting -= events;
    else this.lanes[0]!.lose(events);
    this.tell({ kind: 'lost', message, events });
  }

  private told(fate: Fate, body: string, answer: Answer = [0]): void {
    const events = eventsIn(body);
    const [status, , text] = answer;
    if (fate != 'retry') this.report.waiting -= events;
    if (fate == 'lost' || (fate == 'done' && status >= 300)) this.report.lost += events;
    else if (fate == 'done') {
      const { accepted, rejected } = takenOf(text, events);
      this.report.sent += accepted;
      this.report.rejected += rejected.length;
    }
    const problem = problemOf(fate, body, answer);
    if (problem) this.tell(problem);
  }
}
