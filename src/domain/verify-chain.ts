import type { NodeId } from '../core/ids.ts';
import { type Certificate, CLIENT_AUTH, KEY_USAGE, readCertificate, SERVER_AUTH } from './certificate.ts';
import { CLOCK_SKEW_MS, enrolUntilOf, nodeOf, revocationSerialOf } from './names.ts';
import { chainError, checkAuthority, checkStrength, type TrustAnchor } from './trust.ts';

/** A chain holds at most this many certificates, the leaf included and the domain's CA not. */
export const MAX_CHAIN_LENGTH = 4;

/** A chain has at most this many bytes of DER. */
export const MAX_CHAIN_BYTES = 16 * 1024;

/** What a chain proves: this node is a member until then. */
export interface VerifiedMember {
  readonly nodeId: NodeId;
  /** When the first certificate of the chain ends, in milliseconds since 1970. */
  readonly notAfterMs: number;
}

/**
 * Proves that a chain (DER, leaf first) makes a node a member of the domain. Everything in it may be hostile.
 *
 * 1. Sizes, before anything is parsed.
 * 2. From the CA down, so that a key is only used after its own certificate was proven: issuer, signature, strength,
 *    validity, CA flag, path length, revocation.
 * 3. The leaf: not a CA, both TLS roles, exactly one PeerId, which must be `expected` when that is given.
 * 4. The node is not revoked as a whole, and it joined before the enrolment deadline.
 *
 * The deadline: an enrolment CA (the key inside a join token) must stay valid as long as the leaves it signed, since
 * OpenSSL checks each certificate of a chain against the same clock. So its certificate lives for the membership term and
 * carries a second, earlier date in a URI: leaves that begin after it are refused here, by every verifier. This does not
 * stop a thief of an expired token who backdates a leaf; revoking the enrolment CA does, and it ends all who joined by it.
 *
 * @param nowMs milliseconds since 1970; certificates may begin up to {@link CLOCK_SKEW_MS} later, for clocks that differ.
 * @throws NearbitsError E_CERTIFICATE; `details.reason` is a ChainFault.
 */
export function verifyMembershipChain(
  chainDer: readonly Uint8Array[],
  trust: TrustAnchor,
  expected: NodeId | null,
  nowMs: number,
): VerifiedMember {
  const chain = readChain(chainDer, trust);
  checkValidity(trust.ca, nowMs);
  checkPathLength(trust.ca, chain.length - 1);
  let issuer = trust.ca;
  for (const [above, certificate] of [...chain].reverse().entries()) {
    checkIssued(certificate, issuer, trust);
    checkValidity(certificate, nowMs);
    const below = chain.length - 1 - above;
    if (below > 0) checkIntermediate(certificate, below - 1);
    issuer = certificate;
  }
  const leaf = issuer;
  const nodeId = checkLeaf(leaf, expected);
  checkNode(nodeId, trust);
  for (const certificate of chain.slice(1)) checkEnrolment(leaf, certificate);
  return { nodeId, notAfterMs: Math.min(...[trust.ca, ...chain].map(({ notAfterMs }) => notAfterMs)) };
}

function readChain(chainDer: readonly Uint8Array[], trust: TrustAnchor): Certificate[] {
  const bytes = chainDer.reduce((sum, der) => sum + der.length, 0);
  // One more for the CA itself, which TLS peers may send along.
  if (chainDer.length > MAX_CHAIN_LENGTH + 1 || bytes > MAX_CHAIN_BYTES) {
    throw chainError('too-long', `a chain of ${chainDer.length} certificates and ${bytes} bytes is too long`);
  }
  const last = chainDer.at(-1);
  const withoutCa = last !== undefined && trust.ca.x509.raw.equals(last) ? chainDer.slice(0, -1) : chainDer;
  if (withoutCa.length === 0) throw chainError('malformed', 'the chain is empty');
  if (withoutCa.length > MAX_CHAIN_LENGTH) throw chainError('too-long', 'the chain is too long');
  return withoutCa.map(readCertificate);
}

function checkIssued(certificate: Certificate, issuer: Certificate, trust: TrustAnchor): void {
  const { x509 } = certificate;
  if (!x509.checkIssued(issuer.x509) || !isSignedBy(certificate, issuer)) {
    throw chainError('untrusted', 'the chain does not lead to the CA of this domain');
  }
  checkStrength(certificate);
  const revoked = trust.revocationLists.some(
    (list) =>
      list.issuer === issuer.subject &&
      list.serials.has(certificate.serial) &&
      // Another CA may bear the same name; a list counts only for the key that signed it.
      (issuer === trust.ca || list.isSignedBy(issuer.x509.publicKey)),
  );
  if (revoked) throw chainError('revoked', 'a certificate of the chain is revoked', { serial: certificate.serial });
}

function isSignedBy(certificate: Certificate, issuer: Certificate): boolean {
  try {
    return certificate.x509.verify(issuer.x509.publicKey);
  } catch {
    // Keys or signatures that OpenSSL cannot even try prove nothing.
    return false;
  }
}

function checkValidity(certificate: Certificate, nowMs: number): void {
  if (certificate.notBeforeMs - CLOCK_SKEW_MS > nowMs) {
    throw chainError(
      'not-yet-valid',
      'a certificate of the chain is not valid yet; compare the clocks of both machines',
      {
        notBeforeMs: certificate.notBeforeMs,
      },
    );
  }
  if (certificate.notAfterMs < nowMs) {
    throw chainError('expired', 'a certificate of the chain has expired', { notAfterMs: certificate.notAfterMs });
  }
}

function checkIntermediate(certificate: Certificate, casBelow: number): void {
  checkAuthority(certificate);
  checkPathLength(certificate, casBelow);
  // As OpenSSL does: a CA that names uses may not sign certificates for others (CA/Browser Forum 7.1.2.2).
  if (certificate.extendedKeyUsage !== null) checkTlsRoles(certificate);
}

function checkPathLength(certificate: Certificate, casBelow: number): void {
  if (certificate.pathLength !== null && certificate.pathLength < casBelow) {
    throw chainError('path-length', 'a CA of the chain may not have so many CAs below it');
  }
}

function checkLeaf(leaf: Certificate, expected: NodeId | null): NodeId {
  if (leaf.isCa) throw chainError('key-usage', "a CA's certificate cannot be the certificate of a node");
  if (leaf.keyUsage !== null && (leaf.keyUsage & KEY_USAGE.digitalSignature) === 0) {
    throw chainError('key-usage', 'the certificate may not be used for signatures, which TLS 1.3 needs');
  }
  checkTlsRoles(leaf);
  const nodeId = nodeOf(leaf.uris);
  if (nodeId === null) throw chainError('no-node-id', 'the certificate does not name exactly one node');
  if (expected !== null && nodeId !== expected) {
    throw chainError('wrong-node', 'the certificate belongs to another node', { nodeId, expected });
  }
  return nodeId;
}

function checkTlsRoles({ extendedKeyUsage }: Certificate): void {
  if (!extendedKeyUsage?.includes(SERVER_AUTH) || !extendedKeyUsage.includes(CLIENT_AUTH)) {
    throw chainError('key-usage', 'the certificate does not allow both TLS roles');
  }
}

function checkNode(nodeId: NodeId, trust: TrustAnchor): void {
  const serial = revocationSerialOf(nodeId);
  if (trust.revocationLists.some((list) => list.issuer === trust.ca.subject && list.serials.has(serial))) {
    throw chainError('revoked', 'the node is revoked', { nodeId });
  }
}

function checkEnrolment(leaf: Certificate, ca: Certificate): void {
  const untilMs = enrolUntilOf(ca.uris);
  // Written this way round so that an unreadable deadline (NaN) refuses.
  if (untilMs !== null && !(leaf.notBeforeMs <= untilMs)) {
    throw chainError('enrolment-closed', 'the certificate was made after its join token had expired');
  }
}
