import { MAX_URL_CHARS } from '../generated/event';

/**
 * What may leave the page of its addresses and texts. The server masks more, and more carefully; here
 * what must not even travel: e-mail addresses, tokens, numbers of cards and phones.
 */

const SECRET =
  /[^\s/?#&=:;,<>()"]{1,64}(@|%40)[^\s/?#&=]+\.\w+|eyJ[\w.-]{9,}|(?=[a-z]*\d)(?=\d*[a-z])[a-z\d]{20,}|\b\d([ -]?\d){12,18}\b|(%2B|\+)\d([ ()./-]?\d){7,}|\b\d{3}[ .-]\d{3}[ .-]\d{4}\b/gi;
const CAMPAIGN = /^(([um]tm|pk)_\w+|ref|source|via)$/;
const CLICK_ID = /^(([gd]cl|[gw]bra|fbcl|msclk|t[tw]cl|ycl|li_fat_)id|rdt_cid)$/;

/** The text without secrets, at most so many characters long. */
export function mask(text: string, most = 512): string {
  // Cut first far behind: masking shortens the text, and a secret that is cut in two would not be seen.
  return text.slice(0, most + 3e3).replace(SECRET, '*').slice(0, most);
}

/**
 * A URL as it may be sent: no user, no fragment but the route of a hash router, of the query only campaign
 * parameters and those that are allowed; click ids only where `clicks`. Empty if it is none.
 */
export function cleanUrl(text: string, allowed: readonly string[], clicks: boolean): string {
  try {
    const url = new URL(text);
    const kept = [...url.searchParams].filter(
      ([name]) => CAMPAIGN.test(name) || allowed.includes(name) || (clicks && CLICK_ID.test(name)),
    );
    const query = kept.length ? '?' + new URLSearchParams(kept) : '';
    return mask(url.origin + url.pathname + query + (/^#!?\/[^?]*/.exec(url.hash) || ''), MAX_URL_CHARS);
  } catch {
    return '';
  }
}
