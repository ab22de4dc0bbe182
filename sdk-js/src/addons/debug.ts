import type { Answer } from '../core/delivery';
import type { Tracker } from '../core/tracker';
import type { Batch } from '../generated/event';

/** What the gateway says to one event's reason; docs/reasons.md has all. */
const REASONS: Record<string, string> = {
  malformed: 'a field has the wrong type or is out of range',
  name_invalid: 'its name is missing or longer than 64 characters',
  url_too_long: 'a URL is longer than 2,048 characters',
  too_many_props: 'it has more than 64 props',
  prop_too_large: 'a prop is longer than 1,024 bytes',
  missing_part: 'an event of this name needs its part (docs/api.md)',
  too_old: 'it is older than 7 days',
  not_allowed: 'a browser may not say that (identify needs consent)',
};
const STATUS: Record<string, string> = {
  400: 'the gateway cannot read it',
  401: 'the gateway knows no site of this id: see `footfall site list`',
  403: 'this page is not on a domain of the site: `footfall site set SITE --add-domain`',
  413: 'the batch is too large',
  404: 'nothing takes batches at this address: see data-endpoint',
  429: 'too many at once',
  503: 'the gateway cannot take it now',
};
const HELD: Record<string, string> = {
  pending: 'held until the visitor has answered: footfall.consent("granted" or "denied")',
  strict: 'not sent: strict privacy, and the visitor asks for it (GPC, Do Not Track) or has said no',
  off: 'not sent: this device has opted out; ?footfall=on in the address takes it back',
};

/** The names in a batch or in a list of events, as texts. */
function names(texts: string[]): string {
  return texts.map((text) => (JSON.parse(text) as { name: string }).name).join(', ');
}

/** Why no answer came: there is no telling for sure, but where to look. */
function silence(): string {
  return navigator.onLine
    ? 'no answer: is it blocked (see the network panel: a blocker, or connect-src of the page\'s policy), or is the gateway down?'
    : 'this device is offline';
}

/** `debug`: says in the console what becomes of each event, and what to do where it is lost. */
export function debug(tracker: Tracker): void {
  const tell = (text: string, ...more: unknown[]): void => console.info('%cfootfall', 'color:#7a3', text, ...more);

  const answered = (fate: string, body: string, [status, retryAfter, text]: Answer): void => {
    const { events, batch_id } = JSON.parse(body + '}') as Batch;
    const all = events.map((event) => event.name).join(', ');
    if (fate == 'retry') {
      const why = status ? `${status}: ${STATUS[status] || 'an error on the way'}` : silence();
      tell(`sent again later: ${all} (${why}${retryAfter ? `; it asks for ${retryAfter} s` : ''})`);
      return;
    }
    if (status >= 300) {
      tell(`REFUSED: ${all} (${status}: ${STATUS[status] || 'for good'})`, text);
      return;
    }
    let rejected: { index: number; reason: string }[] = [];
    let accepted = events.length;
    try {
      ({ rejected, accepted } = JSON.parse(text!) as { rejected: typeof rejected; accepted: number });
    } catch {
      // something between here and the gateway has answered in its place
    }
    tell(`taken by the gateway: ${accepted} of ${events.length} (${all}), batch ${batch_id}`);
    if (!accepted && !rejected.length) tell('NOT COUNTED: the site is strict, and this browser asks for privacy (GPC, Do Not Track)');
    for (const { index, reason } of rejected)
      tell(`REJECTED: ${events[index]?.name}: ${REASONS[reason] || reason} (${reason})`, events[index]);
  };

  tracker.say = (what, ...more) => {
    if (what == 'taken') {
      const held = tracker.held(); // the core keeps silent while it waits
      tell(`event ${names([more[0] as string])}${held && `, ${HELD[held]}`}`, JSON.parse(more[0] as string));
    }
    else if (what == 'broken') tell(`NOT TAKEN: ${more[0]} cannot be written as JSON`, more[1]);
    else if (what == 'part') tell('a part of the SDK failed', ...more);
    else if (what == 'lost') tell('LOST: the queue is full, or a week old: the oldest batch is dropped, and counted', more[0]);
    else if (what == 'done' || what == 'retry') answered(what, more[0] as string, more[1] as Answer);
    else tell(`${HELD[what] || what}: ${names(more[0] as string[])}`);
  };

  const asked = tracker.platform.asked() ? 'GPC or Do Not Track is on: counted without an id that lasts' : '';
  const known = tracker.known() ? 'the visitor is known (consent)' : 'the visitor has an id for a day only';
  const held = tracker.held();
  tell(`site ${tracker.options.site}: ${asked || known}${held && `; ${HELD[held]}`}`);
  if (self != top && !tracker.options.frames) tell('this page is in a frame, so nothing is counted: data-frames changes that');
}
