const FILE =
  /^[^?#]+\.(pdf|docx?|xlsx?|pptx?|txt|csv|zip|rar|7z|gz|exe|msi|dmg|apk|mp[34])(?![^?#])/i;

/** What kind of link it is; undefined: none, or it leads to another page of the site. `href`: whole, as the browser resolves it. */
export function kindOf(href: string, download?: boolean): string | undefined {
  const [, scheme, host] = /^(\w+):(?:\/\/([^/]*))?/.exec(href) || [];
  if (download || FILE.test(href)) return 'download';
  return host ? (host == location.host ? undefined : 'outbound') : /^(mailto|tel)$/.exec(scheme!)?.[0];
}
