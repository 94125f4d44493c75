import type { KeyObject } from 'node:crypto';
import { NearbitsError } from '../core/errors.ts';
import { type Certificate, KEY_USAGE, readCertificate } from './certificate.ts';
import { type RevocationList, readRevocationList, SIGNATURE_HASHES } from './crl.ts';

/** The one CA that a domain trusts, and what it has revoked. */
export interface TrustAnchor {
  readonly ca: Certificate;
  readonly revocationLists: readonly RevocationList[];
}

/** Why a certificate chain proves no membership; `details.reason` of E_CERTIFICATE. */
export type ChainFault =
  | 'malformed'
  | 'too-long'
  | 'untrusted'
  | 'weak'
  | 'not-yet-valid'
  | 'expired'
  | 'not-a-ca'
  | 'path-length'
  | 'key-usage'
  | 'unknown-extension'
  | 'no-node-id'
  | 'wrong-node'
  | 'revoked'
  | 'enrolment-closed';

/** The error for a chain that proves nothing. */
export function chainError(reason: ChainFault, message: string, details: object = {}): NearbitsError {
  return new NearbitsError('E_CERTIFICATE', message, { details: { reason, ...details } });
}

/**
 * Builds the trust anchor from the CA's certificate and its revocation lists (those of intermediate CAs may be among
 * them). The CA must be self-signed, because TLS accepts no other root.
 * @throws NearbitsError E_CERTIFICATE when the CA is no usable CA or a list in its name is not signed by it.
 */
export function createTrustAnchor(caDer: Uint8Array, listDers: readonly Uint8Array[] = []): TrustAnchor {
  const ca = readCertificate(caDer);
  checkAuthority(ca);
  if (!ca.x509.checkIssued(ca.x509) || !ca.x509.verify(ca.x509.publicKey)) {
    throw chainError('untrusted', 'the CA certificate is not self-signed; give the root of the domain');
  }
  const revocationLists = listDers.map(readRevocationList);
  for (const list of revocationLists) {
    if (list.issuer === ca.subject && !list.isSignedBy(ca.x509.publicKey)) {
      throw chainError('untrusted', 'a revocation list in the name of the CA is not signed by it');
    }
  }
  return { ca, revocationLists };
}

/** Refuses a certificate that may not sign others, or whose own make is too weak to trust. */
export function checkAuthority(certificate: Certificate): void {
  if (!certificate.isCa || (certificate.keyUsage !== null && (certificate.keyUsage & KEY_USAGE.keyCertSign) === 0)) {
    throw chainError('not-a-ca', 'a certificate that is no CA signed another one');
  }
  checkStrength(certificate);
}

/** Refuses weak signatures and keys, and critical extensions that nobody here can honour. */
export function checkStrength(certificate: Certificate): void {
  if (!SIGNATURE_HASHES.has(certificate.signatureOid) || !isStrongKey(publicKeyOf(certificate))) {
    throw chainError('weak', 'a certificate uses a weak or unsupported key or signature');
  }
  const [unknown] = certificate.unknownCritical;
  if (unknown !== undefined) {
    throw chainError('unknown-extension', `a certificate depends on the unsupported extension ${unknown}`);
  }
}

// OpenSSL looks at the key only now, and throws when it is of a kind that it does not know.
function publicKeyOf({ x509 }: Certificate): KeyObject {
  try {
    return x509.publicKey;
  } catch {
    throw chainError('weak', 'a certificate holds a key of an unknown kind');
  }
}

// 2,048 bits of RSA is the least that RFC 9325 allows; the elliptic curves that Node offers are all at least as strong
// from 256 bits on.
function isStrongKey(key: KeyObject): boolean {
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return (key.asymmetricKeyDetails?.modulusLength ?? 0) >= 2048;
    case 'ec':
      return ['prime256v1', 'secp384r1', 'secp521r1'].includes(key.asymmetricKeyDetails?.namedCurve ?? '');
    case 'ed25519':
    case 'ed448':
      return true;
    default:
      return false;
  }
}
