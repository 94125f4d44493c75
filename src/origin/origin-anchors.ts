import { parseOriginUrl } from '../core/url.ts';
import { listHeader, type ResponseHeaders } from './headers.ts';
import { parseLinks } from './link-header.ts';
import { readReprDigest } from './repr-digest.ts';

/** What an origin says about the content of a file, beside its size and validators. */
export interface OriginAnchors {
  /** SHA-256 of the whole file by Repr-Digest, or null. */
  readonly reprDigest: Uint8Array | null;
  /** Where Metalink documents about the file are, best first; absolute URLs in normal form. */
  readonly metalinks: readonly string[];
}

/** What an origin says that says nothing. */
export const NO_ANCHORS: OriginAnchors = { reprDigest: null, metalinks: [] };

/** More documents about one file are not looked at. */
const MAX_METALINKS = 3;
const METALINK = /^application\/metalink4\+xml[ \t]*(?:;|$)/i;

/** Reads Repr-Digest (RFC 9530) and Link (RFC 6249) of the answer that stands for the whole file; `onTheWay` are documents that redirects named. */
export function readAnchors(headers: ResponseHeaders, url: string, onTheWay: readonly string[]): OriginAnchors {
  const metalinks = new Set([...onTheWay, ...describedBy(headers, url)]);
  return { reprDigest: readReprDigest(headers), metalinks: [...metalinks].slice(0, MAX_METALINKS) };
}

/** The Metalink documents that an answer of `base` names about its file (RFC 6249 section 4), as absolute URLs. */
export function describedBy(headers: ResponseHeaders, base: string): string[] {
  const urls = new Set<string>();
  for (const { target, params } of parseLinks(listHeader(headers, 'link'))) {
    const relations = (params.get('rel') ?? '').toLowerCase().split(/[ \t]+/);
    // With an anchor the link speaks of something else than this file (RFC 8288 section 3.2).
    if (!relations.includes('describedby') || params.has('anchor') || !METALINK.test(params.get('type') ?? ''))
      continue;
    const url = usable(target, base);
    if (url !== null && urls.size < MAX_METALINKS) urls.add(url);
  }
  return [...urls];
}

function usable(target: string, base: string): string | null {
  try {
    return parseOriginUrl(URL.parse(target, base)?.href ?? '');
  } catch {
    return null; // not http, or a URL that nothing is fetched from
  }
}
