const FILE =
  /^[^?#]+\.(pdf|docx?|xlsx?|pptx?|rtf|txt|csv|zip|rar|7z|gz|exe|msi|dmg|pkg|apk|mp[34]|mov|avi|wav)(?![^?#])/i;

/** What kind of link it is, if it does not just lead to another page of the site. `href`: whole, as the browser resolves it. */
export function kindOf(href: string, download: boolean): string | undefined {
  const [, scheme, host] = /^(\w+):(?:\/\/([^/]*))?/.exec(href) || [];
  if (download || FILE.test(href)) return 'download';
  return host ? (host == location.host ? undefined : 'outbound') : /^(mailto|tel|sms)$/.exec(scheme!)?.[0];
}
