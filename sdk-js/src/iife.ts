/** The script of the tag: `<script defer src=".../f.js" data-site="pub_...">`. */
import { start } from './browser/start';
import type { Options } from './core/options';
import type { Part, Tracker } from './core/tracker';

type Call = [method: string, ...given: unknown[]];

const script = document.currentScript as HTMLScriptElement;
const waiting: Call[] = window.footfall?.q || [];
let tracker: Tracker | undefined;

/** Calls wait for what they need: `init`, or the part that brings the method. */
function call(...what: Call): void {
  const method = tracker?.[what[0] as keyof Tracker] as ((...given: unknown[]) => void) | undefined;
  if (method) method(...what.slice(1));
  else waiting.push(what);
}

function again(): void {
  waiting.splice(0).forEach((what) => call(...what));
}

/** Loads a part from beside this script; of a pinned one only what its tag names: `data-auto="sha256-..."`. */
function bring(name: string): void {
  const part = document.createElement('script');
  part.src = script.src.replace(/\.js(?=\?|$)/, `.${name}.js`);
  part.nonce = script.nonce;
  part.crossOrigin = script.crossOrigin;
  part.integrity = script.dataset[name] || '';
  if (!script.integrity || part.integrity) document.head.append(part);
}

function init(options: Options): void {
  const endpoint = new URL(options.endpoint || '/v1/batch', script.src);
  tracker ||= start(options, endpoint, bring);
  again();
}

if (!window.footfall?.init) {
  const api = (window.footfall = call as unknown as NonNullable<typeof window.footfall>);
  for (const method of 'track page identify consent reset flush optOut'.split(' ') as 'track'[])
    api[method] = (...given: unknown[]) => call(method, ...given);
  api.init = init;
  api.use = (part: Part) => {
    part(tracker!);
    again();
  };
  const given: Record<string, unknown> = {};
  for (const name in script.dataset) {
    const value = script.dataset[name]!;
    // An empty attribute says nothing, as a template writes it, but for `strict` and `frames`, which need no value.
    if (value || /^(st|fr)/.test(name)) given[name] = name == 'params' ? value.split(' ') : value || true;
  }
  if (given.site) init(given as unknown as Options);
}
