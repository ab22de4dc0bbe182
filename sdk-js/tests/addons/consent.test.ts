import { afterEach, expect, test, vi } from 'vitest';
import { gcm } from '../../src/addons/gcm';
import { tcf } from '../../src/addons/tcf';
import { close, show } from '../auto/page';

afterEach(() => {
  close();
  vi.unstubAllGlobals();
});

type Listener = (data: object, success: boolean) => void;

function said(part: typeof gcm): string[] {
  const { tracker } = show('', undefined, { consent: 'pending' });
  const found: string[] = [];
  tracker.consent = (state) => void found.push(state);
  part(tracker);
  return found;
}

test('TCF: a yes to purposes 1 and 8, and only once somebody has answered', () => {
  let listener: Listener = () => undefined;
  vi.stubGlobal('__tcfapi', (_: string, __: number, then: Listener) => (listener = then));
  const found = said(tcf);
  const both = { purpose: { consents: { 1: true, 8: true } } };
  listener({ eventStatus: 'cmpuishown', gdprApplies: true, ...both }, true);
  listener({ eventStatus: 'tcloaded', ...both }, false);
  expect(found).toEqual([]);
  listener({ eventStatus: 'useractioncomplete', ...both }, true);
  listener({ eventStatus: 'useractioncomplete', purpose: { consents: { 1: true } } }, true);
  listener({ gdprApplies: false }, true);
  expect(found).toEqual(['granted', 'denied', 'denied']);
});

test('TCF: a page without it is told, and nothing is decided', () => {
  expect(said(tcf)).toEqual([]);
});

test('Google Consent Mode: what was there before, and what comes', () => {
  const layer: unknown[] = [['consent', 'default', { analytics_storage: 'denied' }], { event: 'x' }];
  vi.stubGlobal('dataLayer', layer);
  const found = said(gcm);
  expect(found).toEqual([]); // a default is no answer
  expect(layer.push(['consent', 'update', { analytics_storage: 'granted' }])).toBe(3);
  layer.push(['consent', 'update', { ad_storage: 'denied' }], undefined);
  layer.push(['consent', 'update', { analytics_storage: 'denied' }]);
  expect(found).toEqual(['granted', 'denied']);
});

test('Google Consent Mode: a dataLayer that is no list throws nothing into the page', () => {
  vi.stubGlobal('dataLayer', {});
  expect(said(gcm)).toEqual([]);
});
