import { type KeyObject, verify } from 'node:crypto';
import { NearbitsError } from '../core/errors.ts';
import { childrenOf, type Der, expectTag, itemsOf, readBitBytes, readDer, readOid, readSerial, TAG } from './der.ts';

/** A certificate revocation list (RFC 5280 section 5). */
export interface RevocationList {
  /** Name of the CA that signed it in DER, as hexadecimal. */
  readonly issuer: string;
  /** Serial numbers of revoked certificates: lower case hexadecimal without leading zeros. */
  readonly serials: ReadonlySet<string>;
  /** The entries as they are signed, one after the other. */
  readonly entriesDer: Uint8Array;
  /** Whether this key signed the list. */
  isSignedBy(key: KeyObject): boolean;
}

/**
 * Signature algorithms that prove anything, with the hash each needs: ECDSA and RSA (PKCS #1) with SHA-2, Ed25519 and
 * Ed448. SHA-1 and MD5 are missing because collisions can be made; RSA-PSS because nobody asked for it yet.
 */
export const SIGNATURE_HASHES: ReadonlyMap<string, string | null> = new Map([
  ['1.2.840.10045.4.3.2', 'sha256'],
  ['1.2.840.10045.4.3.3', 'sha384'],
  ['1.2.840.10045.4.3.4', 'sha512'],
  ['1.2.840.113549.1.1.11', 'sha256'],
  ['1.2.840.113549.1.1.12', 'sha384'],
  ['1.2.840.113549.1.1.13', 'sha512'],
  ['1.3.101.112', null],
  ['1.3.101.113', null],
]);

const DELTA_CRL_INDICATOR = '2.5.29.27';
const CERTIFICATE_ISSUER = '2.5.29.29';
const CRL_EXTENSIONS = 0xa0;

/**
 * Reads a revocation list. Its age is not looked at: an old list still revokes what it names, and failing closed
 * would stop a whole site because nobody renewed a file.
 * @throws NearbitsError E_CERTIFICATE when it is malformed, or a delta or indirect list, whose entries mean something else.
 */
export function readRevocationList(der: Uint8Array): RevocationList {
  const [tbs, algorithm, signature] = itemsOf(readDer(der));
  const signed = expectTag(tbs, TAG.sequence);
  const oid = readOid(itemsOf(algorithm)[0]);
  const proof = readBitBytes(signature);
  const fields = itemsOf(signed);
  // TBSCertList: version?, signature, issuer, thisUpdate, nextUpdate?, revokedCertificates?, [0] extensions?
  const body = fields[0]?.tag === TAG.integer ? fields.slice(1) : fields;
  if (extensionIds(fields.find((field) => field.tag === CRL_EXTENSIONS)).includes(DELTA_CRL_INDICATOR)) {
    throw unsupported('a delta list');
  }
  const revoked = body.slice(3).find((field) => field.tag === TAG.sequence);
  return {
    issuer: Buffer.from(expectTag(body[1], TAG.sequence).whole).toString('hex'),
    serials: new Set(revoked === undefined ? [] : revokedSerials(revoked)),
    entriesDer: revoked?.content ?? new Uint8Array(),
    isSignedBy: (key) => isSigned(signed.whole, proof, oid, key),
  };
}

function* revokedSerials(revoked: Der): Generator<string> {
  for (const entry of childrenOf(revoked)) {
    const [serial, , extensions] = itemsOf(entry);
    if (extensions !== undefined && listIds(extensions).includes(CERTIFICATE_ISSUER)) {
      throw unsupported('an indirect list');
    }
    yield readSerial(serial);
  }
}

function extensionIds(field: Der | undefined): string[] {
  const [list] = field === undefined ? [] : childrenOf(field);
  return list === undefined ? [] : listIds(list);
}

function listIds(extensions: Der): string[] {
  return itemsOf(extensions).map((extension) => readOid(itemsOf(extension)[0]));
}

function isSigned(bytes: Uint8Array, signature: Uint8Array, oid: string, key: KeyObject): boolean {
  const hash = SIGNATURE_HASHES.get(oid);
  try {
    return hash !== undefined && verify(hash, bytes, key, signature);
  } catch {
    // A key of another kind than the signature is one more way of not having signed.
    return false;
  }
}

function unsupported(what: string): NearbitsError {
  return new NearbitsError('E_CERTIFICATE', `the revocation list is ${what}, which is not supported`, {
    details: { reason: 'malformed' },
    hint: 'Give the complete list of the CA.',
  });
}
