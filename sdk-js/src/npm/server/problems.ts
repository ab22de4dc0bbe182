import type { Answer } from '../../core/delivery';

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
const SILENCE = 'no answer: is the gateway up, and is `endpoint` right?';

/** In words; the gateway's own come last. */
export function reasonOf([status, , text = '']: Answer): string {
  let told = '';
  try {
    told = (JSON.parse(text) as { message?: string }).message || '';
  } catch {
    // something between here and the gateway has answered in its place
  }
  if (status >= 300 && status < 400) return `${status}: \`endpoint\` leads to another address: name that one`;
  const what = STATUS[status] ?? (status ? 'an error on the way' : SILENCE);
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
