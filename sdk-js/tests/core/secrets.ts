/** Secrets as people and programs write them, to be looked for in what was masked. */
import fc from 'fast-check';

const DIGIT = Array.from('0123456789');
const LETTER = Array.from('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ');

const text = (unit: readonly string[], minLength: number, maxLength: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...unit), minLength, maxLength });
const separated = (groups: string[], by: string): string => groups.join(by);

const label = text([...LETTER, ...DIGIT], 1, 12);
const email = fc
  .tuple(text([...LETTER, ...DIGIT, '.', '_', '+', '-'], 1, 24), fc.array(label, { minLength: 1, maxLength: 2 }), text(LETTER, 2, 6))
  .map(([local, host, top]) => `${local}@${host.join('.')}.${top}`);

const token = fc
  .tuple(text([...LETTER, ...DIGIT], 19, 60), fc.constantFrom(...LETTER), fc.constantFrom(...DIGIT), fc.nat(19))
  .map(([rest, letter, digit, at]) => letter + rest.slice(0, at) + digit + rest.slice(at));
const jwt = fc
  .array(text([...LETTER, ...DIGIT, '-', '_'], 12, 40), { minLength: 3, maxLength: 3 })
  .map((parts) => 'eyJ' + parts.join('.'));

/** `by`: what may stand between the groups of digits. */
const card = (by: string[]): fc.Arbitrary<string> =>
  fc
    .tuple(fc.array(text(DIGIT, 4, 4), { minLength: 3, maxLength: 3 }), text(DIGIT, 1, 7), fc.constantFrom(...by))
    .map(([groups, last, gap]) => separated([...groups, last], gap));
const phone = (by: string[]): fc.Arbitrary<string> =>
  fc
    .tuple(text(DIGIT, 2, 3), text(DIGIT, 2, 4), text(DIGIT, 4, 8), fc.constantFrom(...by))
    .map(([country, area, number, gap]) => separated(['+' + country, area, number], gap));
const american = (by: string[]): fc.Arbitrary<string> =>
  fc.tuple(text(DIGIT, 3, 3), text(DIGIT, 3, 3), text(DIGIT, 4, 4), fc.constantFrom(...by)).map(([a, b, c, gap]) => separated([a, b, c], gap));

/** In texts. */
export const secret = fc.oneof(email, token, jwt, card(['', ' ', '-']), phone(['', ' ', '-', '.']), american([' ', '-', '.']));
/** In addresses, where there are no spaces. */
export const secretInUrl = fc.oneof(email, token, jwt, card(['', '-']), phone(['', '-']), american(['-', '.']));

/** Words that are none, and what stands between them. */
export const words = fc
  .array(fc.tuple(text(LETTER, 0, 10), fc.constantFrom(' ', ', ', ': ', ' (', ') ', ' – ', '\n', ' "')), { maxLength: 60 })
  .map((all) => all.flat().join(''));
