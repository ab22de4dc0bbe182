import { guarded, listen } from '../auto/guard';
import type { Tracker } from '../core/tracker';
import type { Failure } from '../generated/event';

/** So many different ones of a page are told. */
const MOST = 20;
/** How the SDK's scripts begin, whatever name they are served under: `https://stats.example.com/f.`. */
const own = (document.currentScript as HTMLScriptElement | null)?.src.replace(/\w+\.js([?#].*)?$/, '');
const isOwn = (source: string): boolean => !!own && (source.startsWith(own) || source.split(/[?#]/)[0] == own + 'js');
/** Whatever it is: a reason may be anything. */
const text = (value: unknown): string => (value as number | undefined)?.toString() ?? '';

interface Told {
  kind: string;
  failure: Failure;
  more: number;
  url: string;
}

/**
 * `error`: what nobody caught, and what could not be loaded. Each (message, source, line) once; how often it
 * came again is told when the page is left (`props.count`, without the stack).
 */
export function errors(tracker: Tracker): void {
  const known = new Map<string, Told>();
  let place = tracker.at;
  /** Addresses in it lose their queries, the rest is masked. */
  const clean = (value: unknown, most: number): string =>
    tracker.mask(text(value).replace(/([a-z-]+:\/\/[^\s?#()"']*)[?#][^\s:()"']*/gi, '$1'), most);

  const tell = (kind: string, failure: Failure): void => {
    if (place != tracker.at) known.clear();
    place = tracker.at;
    const key = [failure.message, failure.source, failure.line].join();
    const before = known.get(key);
    if (before) before.more++;
    else if (known.size < MOST) {
      known.set(key, { kind, failure, more: 0, url: place || tracker.url(location.href) });
      tracker.track('error', { kind }, { error: failure });
    }
  };
  /** Of what was thrown, which may be anything. */
  const thrown = (kind: string, error: Error | undefined, message: unknown, source?: string, line?: number, column?: number): void => {
    const stack = clean(error?.stack, 8192);
    const [, file = '', at, char] = /(https?:[^\s()]+?):(\d+):(\d+)/.exec(text(error?.stack)) || [];
    if (isOwn(source || file)) return;
    tell(kind, {
      message: clean(message, 1024),
      source: tracker.url(source || file),
      line: line || +at! || 0,
      column: column || +char! || 0,
      stack,
    });
  };

  listen(tracker, 'error', (event: Event) => {
    const element = event.target as HTMLImageElement & HTMLLinkElement;
    if (element.localName) {
      const source = element.currentSrc || element.src || element.href;
      // An SVG's address is an object; what has none could not be loaded from anywhere.
      if (typeof source == 'string' && source && !isOwn(source))
        tell('resource', { message: `${element.localName} not loaded`, source: tracker.url(source) });
    } else {
      const failed = event as ErrorEvent;
      thrown('error', failed.error as Error, failed.message, failed.filename, failed.lineno, failed.colno);
    }
  });
  listen(tracker, 'unhandledrejection', (event: Event) => {
    const reason = (event as PromiseRejectionEvent).reason as Error | undefined;
    thrown('rejection', reason, reason?.message ?? reason);
  });
  tracker.leaving.push(
    guarded(tracker, () => {
      for (const told of known.values())
        if (told.more) {
          const { kind, failure, more, url } = told;
          told.more = 0;
          tracker.track('error', { kind, count: more }, { url, error: { ...failure, stack: '' } });
        }
    }),
  );
}
