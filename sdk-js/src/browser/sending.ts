import type { Tracker } from '../core/tracker';

const GZIP_FROM = 2e3; // characters; below, packing takes longer than it saves

/** Batches travel packed where the browser can, and go at once when the network is back. */
export function sending(tracker: Tracker): void {
  // The gateway sees by its first bytes that a body is packed; a header would cost a preflight.
  if (self.CompressionStream)
    tracker.platform.pack = async (body) =>
      body.length < GZIP_FROM ? body : new Response(new Response(body).body!.pipeThrough(new CompressionStream('gzip'))).blob();
  addEventListener('online', () => void tracker.delivery.drain(true));
}
