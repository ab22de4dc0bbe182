/** What may leave an app of its addresses: never a path of the machine. */

/** The address's directory: of a file all but its name, of another scheme its root. */
const rootOf = (url: URL): string =>
  url.protocol == 'file:' ? `file://${url.host}${url.pathname.replace(/[^/]*$/, '')}` : `${url.protocol}//${url.host}/`;

/**
 * An address of the app as if its domain served it: `file:///Users/anna/app/index.html#/cart` is
 * `https://<domain>/index.html#/cart`, of a page in that directory. Files elsewhere are the domain's root, addresses of
 * other schemes but http(s) are empty.
 */
export function placing(domain: string, page: string): (text: string) => string {
  const root = rootOf(new URL(page));
  return (text) => {
    if (/^https?:/i.test(text) || !URL.canParse(text)) return text;
    const url = new URL(text);
    const whole = (url.protocol == 'file:' ? 'file://' + url.host : `${url.protocol}//${url.host}`) + url.pathname;
    if (whole.startsWith(root)) return `https://${domain}/${whole.slice(root.length)}${url.search}${url.hash}`;
    return url.protocol == 'file:' ? `https://${domain}/` : '';
  };
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** A directory in the ways in which it is written: with slashes of either kind, and in addresses. */
function formsOf(directory: string): string[] {
  const slashes = directory.replaceAll('\\', '/');
  return [...new Set([directory, slashes, encodeURI(slashes)])].map(escaped);
}

const REST = '[^\\s"\'()<>]*';
const PATHS = new RegExp(
  `file:/${REST}|(?<![\\w.:/-])(/Users/|/home/|/root/|/var/folders/)${REST}|\\b[a-z]:[\\\\/](?![\\\\/])${REST}|\\\\\\\\\\w${REST}`,
  'gi',
);

/** A value in whose texts there is no path of the machine; what lies in the app's own directory stays, from there on. */
export function scrubbing(app: string, others: readonly string[]): <T>(value: T) => T {
  const own = new RegExp(`(file:/*)?(${formsOf(app).join('|')})[\\\\/]?`, 'gi');
  const away = others.length ? new RegExp(`(${others.flatMap(formsOf).join('|')})${REST}`, 'gi') : /$^/;
  const text = (given: string): string => given.replace(own, '').replace(away, '*').replace(PATHS, '*');
  const scrub = (value: unknown): unknown => {
    if (typeof value == 'string') return text(value);
    if (Array.isArray(value)) return value.map(scrub);
    if (value && typeof value == 'object') return Object.fromEntries(Object.entries(value).map(([key, one]) => [text(key), scrub(one)]));
    return value;
  };
  return <T>(value: T) => scrub(value) as T;
}
