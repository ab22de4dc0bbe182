import type { Answer, Fate } from '../../core/delivery';
import type { Batch } from '../../generated/event';

/** Something of which the people who run the server should know. */
export interface Problem {
  /**
   * `waiting`: sent again later. `refused`: the gateway takes none of a batch. `rejected`: it does not take single
   * events. `lost`: they were dropped here.
   */
  kind: 'waiting' | 'refused' | 'rejected' | 'lost';
  /** What it is, and what to do. The key is never in it. */
  message: string;
  /** How many events it is about. */
  events: number;
  /** Of the gateway's answer, if there was one. */
  status?: number;
}

const STATUS: Record<number, string> = {
  400: 'the gateway cannot read the batch',
  401: 'the gateway does not know this server key, or it is revoked or expired: `footfall key list` shows the valid ones',
  403: 'this server key may not be used from here: `footfall key list` shows its networks',
  404: 'nothing takes batches at this address: see `endpoint`',
  405: 'nothing takes batches at this address: see `endpoint`',
  413: 'the batch is too large; does a proxy before the gateway take less than 1 MiB?',
  415: 'something before the gateway takes no gzip',
  429: 'more than the key may send',
  503: 'the gateway cannot take it now',
};
/** What differs where the public id is used in place of a server key. */
const PUBLIC: Record<number, string> = {
  401: 'the gateway knows no site of this public id: `footfall site show` prints the right one',
  403: 'the site takes nothing from here',
};
const SILENCE = 'no answer: is the gateway up, and is `endpoint` right?';

/** In words; the gateway's own come last. */
export function reasonOf([status, , text = '']: Answer, isPublic = false): string {
  let told = '';
  try {
    told = (JSON.parse(text) as { message?: string }).message || '';
  } catch {
    // something between here and the gateway has answered in its place
  }
  if (status >= 300 && status < 400) return `${status}: \`endpoint\` leads to another address: name that one`;
  const what = (isPublic && PUBLIC[status]) || STATUS[status] || (status ? 'an error on the way' : SILENCE);
  return (status ? `${status}: ` : '') + what + (told && ` (${told})`);
}

/** What the gateway says of a batch that it took: how many events of it, and which not. */
export function takenOf(text: string | undefined, events: number): { accepted: number; rejected: { index: number; reason: string }[] } {
  try {
    return { accepted: events, rejected: [], ...(JSON.parse(text!) as object) };
  } catch {
    return { accepted: events, rejected: [] };
  }
}

/** How many events a batch has; as the core cuts it, it is without its last brace. */
export const eventsIn = (body: string): number => (JSON.parse(body + '}') as Batch).events.length;

/** Of what became of a batch, that of which people should know. */
export function problemOf(fate: Fate, body: string, answer: Answer = [0], isPublic = false): Problem | undefined {
  const events = eventsIn(body);
  const [status] = answer;
  if (fate == 'lost') return { kind: 'lost', message: 'the queue is full, or they are a week old', events };
  if (fate == 'retry') return { kind: 'waiting', message: reasonOf(answer, isPublic), events, status };
  if (status >= 300) return { kind: 'refused', message: reasonOf(answer, isPublic), events, status };
  const { rejected } = takenOf(answer[2], events);
  if (!rejected.length) return;
  const reasons = [...new Set(rejected.map(({ reason }) => reason))].join(', ');
  return { kind: 'rejected', message: `${reasons}: docs/reasons.md says what each means`, events: rejected.length, status };
}

export const broken = (name: string, error: unknown): string => `event ${name} cannot be written as JSON: ${String(error)}`;

/** Tells it to somebody else's code, which may throw: the program goes on. */
export function safely(onError: (problem: Problem) => void): (problem: Problem) => void {
  return (problem) => {
    try {
      onError(problem);
    } catch {
      // it is not ours
    }
  };
}

const MINUTE = 6e4;

/** Says problems on the console: of a kind one in a minute. */
export function speaking(): (problem: Problem) => void {
  const last: Record<string, number> = {};
  return ({ kind, message, events }) => {
    if (Date.now() - (last[kind] ?? -MINUTE) < MINUTE) return;
    last[kind] = Date.now();
    console.warn(`footfall: ${kind}: ${events} ${events == 1 ? 'event' : 'events'}: ${message}`);
  };
}
