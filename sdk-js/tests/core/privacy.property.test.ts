// @vitest-environment node
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cleanUrl, mask } from '../../src/core/privacy';
import { secret, secretInUrl, words } from './secrets';

const RUNS = { numRuns: 1000 };

test('no secret survives in a text, wherever it stands', () => {
  fc.assert(
    fc.property(words, secret, words, (before, hidden, after) => {
      const text = `${before} ${hidden} ${after}`;
      expect(mask(text, 2000)).not.toContain(hidden);
      expect(mask(text, 2000)).toBe(mask(`${before} * ${after}`, 2000));
    }),
    RUNS,
  );
});

test('a secret at the cut leaves nothing of itself', () => {
  fc.assert(
    fc.property(secret, fc.integer({ min: 0, max: 100 }), fc.integer({ min: 1, max: 100 }), (hidden, before, most) => {
      const masked = mask(' '.repeat(before) + hidden, most);
      expect(masked.trim()).toMatch(/^\*?$/);
      expect(masked.length).toBeLessThanOrEqual(most);
    }),
    RUNS,
  );
});

test('nor does one behind many others, though these make the text shorter', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom('of ', 'for '), secret), { minLength: 20, maxLength: 60 }), (all) => {
      expect(mask(all.flat().join(' '), 100)).toMatch(/^((of|for) {2}\* ?)+(o|of|f|fo|for)? *$/);
    }),
    RUNS,
  );
});

test('of any text no more than asked for is left', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 800 }), fc.integer({ min: 1, max: 600 }), (text, most) => {
      expect(mask(text, most).length).toBeLessThanOrEqual(most);
    }),
    RUNS,
  );
});

test('what was masked stays as it is', () => {
  fc.assert(
    fc.property(words, secret, words, (before, hidden, after) => {
      const once = mask(`${before} ${hidden} ${after}`);
      expect(mask(once)).toBe(once);
    }),
    RUNS,
  );
});

/** An address with the secret in one of its places. */
const places: Record<string, (hidden: string) => string> = {
  user: (hidden) => `https://${encodeURIComponent(hidden)}:${encodeURIComponent(hidden)}@shop.example/a`,
  path: (hidden) => `https://shop.example/of/${hidden}/edit`,
  'end of the path': (hidden) => `https://shop.example/of/${encodeURIComponent(hidden)}?x=1`,
  'parameter that is not allowed': (hidden) => `https://shop.example/?token=${hidden}&a=1`,
  'parameter that is allowed': (hidden) => `https://shop.example/?id=${hidden}&a=1`,
  'parameter of a campaign': (hidden) => `https://shop.example/?utm_term=${hidden}`,
  'name of a parameter': (hidden) => `https://shop.example/?${hidden}=1`,
  fragment: (hidden) => `https://shop.example/#${hidden}`,
  'route of a hash router': (hidden) => `https://shop.example/#/of/${hidden}?x=${hidden}`,
};

test.each(Object.keys(places))('no secret survives in an address: %s', (name) => {
  fc.assert(
    fc.property(secretInUrl, fc.boolean(), (hidden, clicks) => {
      const cleaned = cleanUrl(places[name]!(hidden), ['id'], clicks);
      expect(cleaned).toMatch(/^https:\/\/shop\.example\//);
      for (const form of [hidden, encodeURIComponent(hidden), new URLSearchParams({ x: hidden }).toString().slice(2)])
        expect(cleaned).not.toContain(form);
    }),
    RUNS,
  );
});

test('an address that was cleaned stays as it is, and is an address or nothing', () => {
  fc.assert(
    fc.property(fc.webUrl({ withFragments: true, withQueryParameters: true }), fc.boolean(), (url, clicks) => {
      const once = cleanUrl(url, ['id'], clicks);
      expect(once.length).toBeLessThanOrEqual(2048);
      expect(cleanUrl(once, ['id'], clicks)).toBe(once);
    }),
    RUNS,
  );
});

test('whatever a page gives as an address, nothing is thrown', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 4000 }), (text) => {
      expect(cleanUrl(text, [], true).length).toBeLessThanOrEqual(2048);
      expect(cleanUrl('https://shop.example/' + text, [], true).length).toBeLessThanOrEqual(2048);
    }),
    RUNS,
  );
});
