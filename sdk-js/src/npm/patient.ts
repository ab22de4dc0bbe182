import type { Platform } from '../core/tracker';

export interface Patient {
  send: Platform['send'];
  /** Whether what waits may go at once, since the gateway has not asked for patience (`Retry-After`). */
  mayHurry: () => boolean;
}

/** Apps also send when they come to the front, or the network is back; people do that more often than a gateway likes. */
export function patient(send: Platform['send']): Patient {
  let until = 0;
  return {
    async send(...given) {
      const answer = await send(...given);
      until = Date.now() + (answer[1] ?? 0) * 1e3;
      return answer;
    },
    mayHurry: () => Date.now() >= until,
  };
}
