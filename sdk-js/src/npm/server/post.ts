import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Answer } from '../../core/delivery';

const TIMEOUT_MS = 2e4;
const GZIP_FROM = 2e3; // characters; below, packing takes longer than it saves
const packed = promisify(gzip);

export interface Post {
  /** Never rejects; status 0: no answer. */
  send: (body: string) => Promise<Answer>;
  /** Gives up what is under way: nobody waits for it any more. */
  stop: () => void;
}

/** Sends bodies to the gateway, packed from a size on. `fetch`: Node's, or the one of Electron, which knows its proxies. */
export function posting(url: string, headers: Record<string, string>, fetch: typeof globalThis.fetch): Post {
  const flying = new Set<AbortController>();
  return {
    async send(text) {
      const control = new AbortController();
      const timer = setTimeout(() => control.abort(), TIMEOUT_MS);
      timer.unref?.(); // in Electron's main process, too
      flying.add(control);
      try {
        const small = text.length < GZIP_FROM;
        const answer = await fetch(url, {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...(small ? {} : { 'content-encoding': 'gzip' }), ...headers },
          body: small ? text : await packed(text),
          redirect: 'manual', // a POST that is redirected arrives as a GET
          signal: control.signal,
        });
        return [answer.status, Number(answer.headers.get('retry-after')) || 0, await answer.text()];
      } catch {
        return [0];
      } finally {
        clearTimeout(timer);
        flying.delete(control);
      }
    },
    stop: () => flying.forEach((control) => control.abort()),
  };
}
