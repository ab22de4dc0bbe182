import type { Bad, Received } from './received';

/** What is told in a test's report; it is to be read at a glance. */
const MOST = 3;
const MOST_NAMES = 10;
const MOST_CHARS = 160;

/** Where an event is not what was wanted, one difference each, such as `order.order_id is "A-2", not "A-1"`. */
export function differences(wanted: unknown, found: unknown, at = ''): string[] {
  if (Array.isArray(wanted)) {
    if (!Array.isArray(found)) return [differs(at, wanted, found)];
    if (found.length != wanted.length) return [`${at} has ${found.length} entries, not ${wanted.length}`];
    return wanted.flatMap((one, index) => differences(one, found[index], `${at}[${index}]`));
  }
  if (typeof wanted != 'object' || wanted === null) return wanted === (found ?? null) ? [] : [differs(at, wanted, found)];
  if (typeof found != 'object' || found === null) return [differs(at, wanted, found)];
  return Object.entries(wanted).flatMap(([name, one]) =>
    differences(one, (found as Record<string, unknown>)[name], at ? `${at}.${name}` : name),
  );
}

function differs(at: string, wanted: unknown, found: unknown): string {
  return `${at} is ${found === undefined ? 'not there' : short(found)}, not ${short(wanted)}`;
}

export function short(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > MOST_CHARS ? text.slice(0, MOST_CHARS) + '...' : text;
}

/** Those of this name that come nearest, each with what differs; the newest first among equals. */
export function nearest(name: string, wanted: unknown, came: readonly Received[]): string[] {
  return came
    .filter((event) => event.name == name && !event.duplicate)
    .map((event) => ({ event, wrong: differences(wanted, event) }))
    .filter(({ wrong }) => wrong.length)
    .sort((one, other) => one.wrong.length - other.wrong.length || other.event.seq - one.event.seq)
    .slice(0, MOST)
    .map(({ event, wrong }) => `${one(event)}: ${some(wrong, '; ')}`);
}

/** An event in a few words. */
export function one(event: Received): string {
  return `#${event.seq} ${event.name} ${event.enriched.page?.path ?? event.url ?? ''}`.trim();
}

/** How many came of each name (or what `by` tells of them). */
export function counts(came: readonly Received[], by: (event: Received) => string = (event) => event.name): string {
  const found = new Map<string, number>();
  for (const event of came) found.set(by(event), (found.get(by(event)) ?? 0) + 1);
  const told = [...found].sort((one, other) => other[1] - one[1]).map(([name, count]) => `${name} (${count})`);
  return some(told, ', ', MOST_NAMES);
}

/** What was refused and why, the newest. */
export function refused(bad: readonly Bad[]): string[] {
  return bad
    .slice(-MOST)
    .map((one) =>
      one.kind == 'event'
        ? `${one.reason}: ${one.detail}: ${short(one.event)}`
        : `${one.method} ${one.path} was answered ${one.status}: ${one.message}`,
    );
}

function some(all: readonly string[], between: string, most = MOST): string {
  const rest = all.length - most;
  return all.slice(0, most).join(between) + (rest > 0 ? ` and ${rest} more` : '');
}
