import { parseDictionary } from './dictionary.ts';
import { listHeader, type RequestHeaders, type ResponseHeaders } from './headers.ts';

/** Asks for the SHA-256 of the whole file before all others (RFC 9530 section 4), unless the job asks for something itself. */
export function wantReprDigest(requestHeaders: RequestHeaders): RequestHeaders {
  return Object.hasOwn(requestHeaders, 'want-repr-digest') ? {} : { 'want-repr-digest': 'sha-256=10' };
}

const SHA_256 = /^:([A-Za-z0-9+/]{43}=?):$/;

/**
 * The SHA-256 of the whole file by Repr-Digest, or null. It is that of the whole also in an answer to a ranged request,
 * unlike Content-Digest, which is of the bytes sent and does not count here (RFC 9530 sections 2 and 3).
 */
export function readReprDigest(headers: ResponseHeaders): Uint8Array | null {
  const base64 = SHA_256.exec(parseDictionary(listHeader(headers, 'repr-digest'))?.get('sha-256') ?? '')?.[1];
  if (base64 === undefined) return null;
  const digest = Buffer.from(base64, 'base64');
  // The last character holds two bits that belong to nothing; only zeros are well-formed.
  return digest.toString('base64').startsWith(base64) ? digest : null;
}
