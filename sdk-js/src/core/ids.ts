/** A UUIDv7: 48 bits of the time (ms), then random ones. Made once for an event, and the same on every retry. */
export function uuid7(now: number): string {
  const random = [...crypto.getRandomValues(new Uint8Array(9))].map((byte) => (byte + 256).toString(16).slice(1)).join('');
  return ('0' + now.toString(16) + 7 + random.slice(0, 3) + 'b' + random.slice(3)).replace(/(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** The time (ms) in a UUIDv7. */
export function madeAt(id: string): number {
  return parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}
