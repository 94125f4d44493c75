import { isIP } from 'node:net';

const V4_BYTES = 4;
const V6_GROUPS = 8;

/** An IP address in network order, 4 or 16 bytes; null for one with a zone and for what is no address. */
export function ipBytes(host: string): Uint8Array | null {
  const version = host.includes('%') ? 0 : isIP(host);
  if (version === 4) return Uint8Array.from(host.split('.').map(Number));
  return version === 6 ? Uint8Array.from(groupsOf(host).flatMap((group) => [group >> 8, group & 0xff])) : null;
}

/** The text of an IP address of 4 or 16 bytes, IPv6 in the short form of RFC 5952; null for any other length. */
export function ipText(bytes: Uint8Array): string | null {
  if (bytes.length === V4_BYTES) return bytes.join('.');
  if (bytes.length !== 2 * V6_GROUPS) return null;
  const hex = Buffer.from(bytes).toString('hex').match(/.{4}/g) ?? [];
  return shortened(hex.join(':'));
}

function groupsOf(host: string): number[] {
  const [head = '', tail = ''] = shortened(host).split('::');
  const left = readGroups(head);
  const right = readGroups(tail);
  return [...left, ...new Array<number>(V6_GROUPS - left.length - right.length).fill(0), ...right];
}

function readGroups(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
}

// The parser of URLs writes IPv6 in one way, an embedded IPv4 address as two groups.
function shortened(host: string): string {
  return new URL(`http://[${host}]`).hostname.slice(1, -1);
}
