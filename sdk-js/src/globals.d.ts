import type { Options } from './core/options';
import type { Part } from './core/tracker';

interface Api {
  (method: string, ...given: unknown[]): void;
  q?: [string, ...unknown[]][];
  init(options: Options): void;
  use(part: Part): void;
  track(...given: unknown[]): void;
  page(...given: unknown[]): void;
  identify(...given: unknown[]): void;
  consent(...given: unknown[]): void;
  reset(...given: unknown[]): void;
  flush(...given: unknown[]): void;
  optOut(...given: unknown[]): void;
}

declare global {
  interface Window {
    footfall?: Api;
    CompressionStream?: typeof CompressionStream;
    navigation?: EventTarget;
  }
  interface Navigator {
    globalPrivacyControl?: boolean;
  }
}
export {};
