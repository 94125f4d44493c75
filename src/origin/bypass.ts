/**
 * Whether a list of hosts that are reached without proxy covers a URL. An entry is a host (`intern`, `10.0.0.1`, `[::1]`),
 * `*.suffix` or `.suffix` for all hosts below a domain, `<local>` for names without a dot, or `*` for everything; all but
 * `<local>` may end in `:port`. Letter case and a dot at the end do not matter.
 */
export function isBypassed(entries: readonly string[], url: URL): boolean {
  const host = withoutLastDot(url.hostname);
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
  return entries.some((entry) => covers(entry.trim().toLowerCase(), host, port));
}

/** The entries a `no_proxy` variable stands for: there a name, with or without a dot before it, covers all hosts below it too. */
export function noProxyEntries(text: string): string[] {
  return text
    .split(/[,\s]+/)
    .filter((entry) => entry !== '')
    .flatMap((entry) => {
      if (entry.startsWith('*') || /^\[|:.*:/.test(entry)) return [entry];
      const name = entry.replace(/^\./, '');
      return [name, `.${name}`];
    });
}

function covers(entry: string, host: string, port: string): boolean {
  if (entry === '<local>') return !/[.:]/.test(host);
  const { name, port: wantedPort } = splitPort(entry);
  if (name === '' || (wantedPort !== null && wantedPort !== port)) return false;
  if (name === '*') return true;
  const suffix = /^\*?(\..+)$/.exec(name)?.[1];
  return suffix === undefined ? name === host : host.endsWith(suffix) && host.length > suffix.length;
}

function splitPort(entry: string): { readonly name: string; readonly port: string | null } {
  // An IPv6 address without brackets has more than one colon and no port.
  if (!entry.startsWith('[') && entry.split(':').length > 2) return { name: `[${entry}]`, port: null };
  const match = /^(.*):(\d{1,5})$/.exec(entry);
  return match === null
    ? { name: withoutLastDot(entry), port: null }
    : { name: withoutLastDot(match[1] as string), port: match[2] as string };
}

function withoutLastDot(name: string): string {
  return name.endsWith('.') ? name.slice(0, -1) : name;
}
