import type { Answer } from '../core/delivery';
import type { Platform } from '../core/tracker';

const TIMEOUT_MS = 2e4;

/** A page in a browser. `url` takes batches. */
export function browser(url: string, sdk: string): Platform {
  const here: Platform = {
    async send(body, keepalive, leaving): Promise<Answer> {
      try {
        if (leaving && !('keepalive' in Request.prototype)) return [navigator.sendBeacon(url, body) ? 202 : 0];
        // Without headers of our own it needs no preflight.
        const answer = await fetch(url, {
          method: 'POST',
          body: (!leaving && (await here.pack?.(body))) || body,
          keepalive,
          credentials: 'omit',
          signal: AbortSignal.timeout?.(TIMEOUT_MS),
        });
        return [answer.status, +answer.headers.get('retry-after')!, await answer.text()];
      } catch {
        return [0];
      }
    },
    // Where storage is blocked, locks are too, and no page has anything that others would send.
    alone: (work) => (here.disk() && navigator.locks ? navigator.locks.request(url, work) : work()),
    disk() {
      try {
        return localStorage;
      } catch {
        return; // blocked
      }
    },
    here: () => ({ url: location.href, title: document.title, referrer: document.referrer }),
    asked: () => navigator.globalPrivacyControl || navigator.doNotTrack == '1',
    common: () => ({
      sdk,
      language: navigator.language,
      viewport_width: innerWidth,
      viewport_height: innerHeight,
      screen_width: screen.width,
      screen_height: screen.height,
    }),
  };
  return here;
}
