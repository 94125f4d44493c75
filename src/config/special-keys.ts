import { isIP } from 'node:net';
import { isAbsolute } from 'node:path';
import type { z } from 'zod';
import { type NodeId, parseNodeId } from '../core/ids.ts';
import { written } from './keys.ts';
import {
  PERCENT_PATTERN,
  parsePercent,
  parseRate,
  parseSize,
  printExactSize,
  RATE_PATTERN,
  SIZE_PATTERN,
} from './quantity.ts';

/** A share of the disk or a fixed amount; the share is worked out by {@link maxCacheBytes}. */
export type CacheSize =
  | { readonly kind: 'percent'; readonly percent: number }
  | { readonly kind: 'bytes'; readonly bytes: number };

/** A peer that is named by hand because discovery cannot reach it. */
export interface StaticPeer {
  /** IP address or host name. */
  readonly host: string;
  readonly port: number;
  /** Null: who answers there is learnt by connecting. */
  readonly nodeId: NodeId | null;
}

/** BITS: 1 to 80 percent of the disk (policy MaxCacheSize). */
const CACHE_PERCENT = { min: 1, max: 80 } as const;
const CACHE_BYTES = { min: 2 ** 20, max: 2 ** 50 } as const;
const DEFAULT_PEER_PORT = 21_780;

/** The cache's size limit in bytes on a disk of `diskBytes`; 80 percent of the disk is the most, however it was written. */
export function maxCacheBytes(size: CacheSize, diskBytes: number): number {
  const wanted = size.kind === 'bytes' ? size.bytes : (diskBytes * size.percent) / 100;
  return Math.floor(Math.min(wanted, (diskBytes * CACHE_PERCENT.max) / 100));
}

/** `1%` of the disk that holds the cache, or a fixed size such as `20GiB`. */
export function cacheSize(common: { default: string; about: string }): z.ZodType<CacheSize, string> {
  return written({
    ...common,
    allowed: `${CACHE_PERCENT.min}% to ${CACHE_PERCENT.max}% of the disk, or 1MiB to 1024TiB`,
    unit: '%, MiB, GiB, TiB, MB, GB or TB',
    json: { type: 'string', anyOf: [{ pattern: PERCENT_PATTERN }, { pattern: SIZE_PATTERN }] },
    read: readCacheSize,
  });
}

function readCacheSize(value: unknown): { value: CacheSize } | string {
  if (typeof value !== 'string') return 'needs a unit: % of the disk, or MiB, GiB, TiB';
  const percent = parsePercent(value);
  const bytes = parseSize(value);
  if (percent === null && bytes === null) return 'is neither a percentage of the disk nor a size';
  if (percent !== null && (percent < CACHE_PERCENT.min || percent > CACHE_PERCENT.max)) return 'is out of range';
  if (bytes !== null && (bytes < CACHE_BYTES.min || bytes > CACHE_BYTES.max)) return 'is out of range';
  return { value: percent === null ? { kind: 'bytes', bytes: bytes ?? 0 } : { kind: 'percent', percent } };
}

const SERVE_RATE = { min: 2 ** 14, max: 2 ** 40 } as const;

/** What neighbours may draw in all. Zero is refused, because people write it for "no limit" and for "nothing" alike. */
export function serveRate(common: { default: string; about: string }): z.ZodType<number | 'unlimited', string> {
  return written<number | 'unlimited', string>({
    ...common,
    allowed: `${printExactSize(SERVE_RATE.min)}/s to ${printExactSize(SERVE_RATE.max)}/s, or unlimited`,
    unit: 'B/s, KiB/s, MiB/s, GiB/s, kB/s, MB/s or GB/s',
    json: { type: 'string', anyOf: [{ const: 'unlimited' }, { pattern: RATE_PATTERN }] },
    read(value) {
      if (value === 'unlimited') return { value };
      const bytes = typeof value === 'string' ? parseRate(value) : value === 0 ? 0 : null;
      if (bytes === 0) return 'is not a rate: write unlimited for no limit, or peers.server: false to serve nothing';
      if (bytes === null) return 'is not a rate with its unit, such as 1MiB/s';
      return bytes < SERVE_RATE.min || bytes > SERVE_RATE.max ? 'is out of range' : { value: bytes };
    },
  });
}

/** An IP address to listen on. */
export function address(common: { default: string; about: string }): z.ZodType<string, string> {
  return written({
    ...common,
    allowed: 'an IP address of this machine, 0.0.0.0 or ::',
    json: { type: 'string', minLength: 2, maxLength: 45 },
    read: (value) => (typeof value === 'string' && isIP(value) !== 0 ? { value } : 'is not an IP address'),
  });
}

/** A path, or null for the place that belongs to the data directory. */
export function path(common: { about: string; usual: string }): z.ZodType<string | null, string | null> {
  return written<string | null, string | null>({
    about: common.about,
    default: null,
    allowed: `an absolute path, or null for ${common.usual}`,
    json: { type: ['string', 'null'], maxLength: 4096 },
    read(value) {
      if (value === null) return { value };
      return typeof value === 'string' && value.length <= 4096 && isAbsolute(value)
        ? { value }
        : 'is not an absolute path';
    },
  });
}

const MAX_PATHS = 100;
/** MAX_PATH of Windows, which is what BITS takes as the name of a program. */
const MAX_PROGRAM_LENGTH = 260;

/** Absolute paths of programs. */
export function paths(common: { about: string }): z.ZodType<readonly string[], readonly string[]> {
  return written<readonly string[], readonly string[]>({
    about: common.about,
    default: [],
    allowed: `a list of at most ${MAX_PATHS} absolute paths of at most ${MAX_PROGRAM_LENGTH} characters`,
    json: {
      type: 'array',
      items: { type: 'string', minLength: 1, maxLength: MAX_PROGRAM_LENGTH },
      maxItems: MAX_PATHS,
    },
    read(value) {
      if (!Array.isArray(value) || value.length > MAX_PATHS) return 'is not a list that short';
      const bad = value.filter((entry) => !isProgramPath(entry));
      if (bad.length === 0) return { value };
      return `holds ${JSON.stringify(bad[0])?.slice(0, 80)}, which is not an absolute path`;
    },
  });
}

function isProgramPath(value: unknown): boolean {
  return typeof value === 'string' && value.length <= MAX_PROGRAM_LENGTH && isAbsolute(value) && !value.includes('\0');
}

const MAX_INTERFACES = 64;

/** `all` or a list of interface names or addresses. */
export function interfaces(common: { about: string }): z.ZodType<'all' | readonly string[], 'all' | readonly string[]> {
  return written<'all' | readonly string[], 'all' | readonly string[]>({
    about: common.about,
    default: 'all',
    allowed: `all, or a list of 1 to ${MAX_INTERFACES} interface names or IP addresses`,
    json: {
      anyOf: [
        { const: 'all' },
        {
          type: 'array',
          items: { type: 'string', minLength: 1, maxLength: 64 },
          minItems: 1,
          maxItems: MAX_INTERFACES,
        },
      ],
    },
    read(value) {
      if (value === 'all') return { value };
      if (!Array.isArray(value) || value.length === 0 || value.length > MAX_INTERFACES)
        return 'is neither all nor a list';
      const names = value.filter((name) => typeof name === 'string' && name.length > 0 && name.length <= 64);
      return names.length === value.length ? { value: names } : 'holds something that is not an interface name';
    },
  });
}

const MAX_STATIC_PEERS = 100;

/** Peers named by hand, each as `HOST`, `HOST:PORT` or `[IPV6]:PORT`, with `/p2p/NODEID` behind it when the id is known. */
export function staticPeers(common: { about: string }): z.ZodType<readonly StaticPeer[], readonly string[]> {
  return written<readonly StaticPeer[], readonly string[]>({
    about: common.about,
    default: [],
    allowed: `a list of at most ${MAX_STATIC_PEERS} entries HOST, HOST:PORT or HOST:PORT/p2p/NODEID`,
    json: { type: 'array', items: { type: 'string', minLength: 1, maxLength: 400 }, maxItems: MAX_STATIC_PEERS },
    read(value) {
      if (!Array.isArray(value) || value.length > MAX_STATIC_PEERS) return 'is not a list that short';
      const peers: StaticPeer[] = [];
      for (const entry of value) {
        const peer = readStaticPeer(entry);
        if (peer === null) return `holds ${JSON.stringify(entry)?.slice(0, 80)}, which is not HOST:PORT`;
        peers.push(peer);
      }
      return { value: peers };
    },
  });
}

// The host is a name or an IPv4 address, or an IPv6 address in brackets.
const STATIC_PEER = /^(?:\[([0-9a-fA-F:.]{2,45})\]|([A-Za-z0-9._-]{1,253}))(?::(\d{1,5}))?(?:\/p2p\/(\w{1,60}))?$/;

function readStaticPeer(entry: unknown): StaticPeer | null {
  const match = typeof entry === 'string' ? STATIC_PEER.exec(entry) : null;
  if (match === null) return null;
  const [, ipv6, name = '', port = DEFAULT_PEER_PORT, id] = match;
  if (Number(port) < 1 || Number(port) > 65_535 || (ipv6 !== undefined && isIP(ipv6) !== 6)) return null;
  try {
    return { host: ipv6 ?? name, port: Number(port), nodeId: id === undefined ? null : parseNodeId(id) };
  } catch {
    return null;
  }
}

/** How origins are reached: as the environment says, directly, or over one proxy. */
export function proxy(common: { about: string }): z.ZodType<string, string> {
  return written({
    about: common.about,
    default: 'environment',
    allowed: 'environment, none, or the http URL of a proxy',
    json: { type: 'string', maxLength: 2200 },
    read(value) {
      if (value === 'environment' || value === 'none') return { value };
      const url = typeof value === 'string' ? URL.parse(value) : null;
      return url?.protocol === 'http:' || url?.protocol === 'https:'
        ? { value: url.href }
        : 'is not the URL of a proxy';
    },
  });
}
