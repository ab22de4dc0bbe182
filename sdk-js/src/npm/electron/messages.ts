import type { Consent } from '../../core/options';
import type { Parts } from '../../core/tracker';
import { type Batch, MAX_NAME_CHARS, MAX_PROPS, type Props } from '../../generated/event';

export const CHANNEL = 'footfall';
/** What the preload script puts into a window. */
export const BRIDGE = 'footfallBridge';
export const MOST_CHARS = 65_536;

export interface Bridge {
  send: (text: string) => void;
}

/** What a window may ask of the main process. */
export type Call =
  | ['track', name: string, props: Props | undefined, parts: Parts]
  | ['identify', user: string]
  | ['consent', state: Consent]
  | ['optOut', out: boolean]
  | ['reset']
  | ['flush']
  | ['online'];

/** Of the window, and so of all its events. */
export type Common = Pick<Batch, 'language' | 'viewport_width' | 'viewport_height' | 'screen_width' | 'screen_height'>;

export interface Message {
  call: Call;
  common: Common;
  /** Whether the visitor asks for privacy. */
  asked: boolean;
}

type Loose = Record<string, unknown>;

/** Who it was, when, and under which id, only the main process says. */
const PARTS = 'url referrer title engaged_ms scroll_depth element form items order search vital error'.split(' ');
const SIZES = 'viewport_width viewport_height screen_width screen_height'.split(' ');
const CONSENTS: readonly Consent[] = ['pending', 'granted', 'denied'];

const isObject = (value: unknown): value is Loose => !!value && typeof value == 'object' && !Array.isArray(value);
const isText = (value: unknown, most: number): value is string => typeof value == 'string' && !!value && value.length <= most;
const picked = (from: unknown, right: (key: string, value: unknown) => boolean): Loose =>
  Object.fromEntries(Object.entries(isObject(from) ? from : {}).filter(([key, value]) => right(key, value)));

function callOf(given: unknown): Call | undefined {
  if (!Array.isArray(given)) return;
  const [method, first, second, third] = given as unknown[];
  switch (method) {
    case 'track': {
      if (!isText(first, MAX_NAME_CHARS)) return;
      const props = picked(second, (_, value) => value === null || /^(string|number|boolean)$/.test(typeof value));
      const parts = picked(third, (key) => PARTS.includes(key));
      return [method, first, Object.fromEntries(Object.entries(props).slice(0, MAX_PROPS)) as Props, parts];
    }
    case 'identify':
      return isText(first, 256) ? [method, first] : undefined;
    case 'consent':
      return CONSENTS.includes(first as Consent) ? [method, first as Consent] : undefined;
    case 'optOut':
      return [method, first !== false];
    case 'reset':
    case 'flush':
    case 'online':
      return [method];
    default:
      return;
  }
}

/** What a window says, whoever wrote it; undefined: nothing that it may say. */
export function read(text: unknown): Message | undefined {
  if (!isText(text, MOST_CHARS)) return;
  let told: unknown;
  try {
    told = JSON.parse(text);
  } catch {
    return;
  }
  const call = isObject(told) ? callOf(told.call) : undefined;
  if (!isObject(told) || !call) return;
  const common = picked(told.common, (key, value) =>
    key == 'language' ? isText(value, 35) : SIZES.includes(key) && Number.isInteger(value) && (value as number) >= 0,
  );
  return { call, common, asked: told.asked === true };
}
