import { X509Certificate } from 'node:crypto';
import { checkServerIdentity, type DetailedPeerCertificate, type TLSSocket } from 'node:tls';
import { flagFor, WRONG_NAME } from './certificate-codes.ts';
import type { TlsLeniency } from './job-settings.ts';

/** A longer chain is cut: what lies beyond counts as missing. */
const MAX_CHAIN = 10;
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';

/**
 * Judges the certificate of a connection that was made without enforcing the verdict of OpenSSL.
 *
 * OpenSSL tells only the last fault it finds, in the order authority, usage, revocation, dates, and calls nobody for the
 * others: an expired certificate of a stranger is merely "expired". So for each fault that is overlooked the ones that
 * may hide behind it are looked for here. Path lengths behind a wrong date are not looked at again.
 * @returns the code of a fault that is not overlooked, or null.
 */
export function judgeCertificate(
  socket: TLSSocket,
  options: { readonly tls: TlsLeniency; readonly host: string; readonly anchors: () => readonly X509Certificate[] },
): string | null {
  const { tls, host } = options;
  const peer = socket.getPeerCertificate(true);
  if (peer?.raw === undefined) return 'CERT_MISSING';
  const told = toldFault(socket);
  if (told !== null) {
    const fault = overlooks(tls, told) ? hiddenFault(chainOf(peer), tls, told, options.anchors) : told;
    if (fault !== null) return fault;
  }
  const wrongName = !tls.ignoreWrongName && checkServerIdentity(host, peer) !== undefined;
  return wrongName ? WRONG_NAME : null;
}

// Node types the error as Error, but gives the code as a string.
function toldFault(socket: TLSSocket): string | null {
  if (socket.authorized) return null;
  const error: unknown = socket.authorizationError;
  return typeof error === 'string' ? error : 'UNSPECIFIED';
}

function overlooks(tls: TlsLeniency, code: string): boolean {
  const flag = flagFor(code);
  return flag !== null && tls[flag];
}

function hiddenFault(
  chain: readonly X509Certificate[],
  tls: TlsLeniency,
  told: string,
  anchors: () => readonly X509Certificate[],
): string | null {
  // Whether a revocation lies behind a wrong date cannot be seen.
  if (tls.checkRevocation && flagFor(told) === 'ignoreWrongDate') return told;
  for (const [index, certificate] of chain.entries()) {
    const issuer = chain[index + 1];
    if (issuer !== undefined && !certificate.verify(issuer.publicKey)) return 'CERT_SIGNATURE_FAILURE';
    if (index > 0 && !certificate.ca) return 'INVALID_CA';
    if (!tls.ignoreWrongUsage && !allowsServers(certificate)) return 'INVALID_PURPOSE';
  }
  return tls.ignoreUnknownAuthority || isAnchored(chain, anchors()) ? null : 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY';
}

// Without the extension a certificate is good for everything (RFC 5280 section 4.2.1.12).
function allowsServers(certificate: X509Certificate): boolean {
  return certificate.keyUsage === undefined || certificate.keyUsage.includes(SERVER_AUTH);
}

function isAnchored(chain: readonly X509Certificate[], anchors: readonly X509Certificate[]): boolean {
  return chain.some((certificate) =>
    anchors.some(
      (anchor) =>
        anchor.raw.equals(certificate.raw) || (certificate.checkIssued(anchor) && certificate.verify(anchor.publicKey)),
    ),
  );
}

// Node links each certificate to its issuer, and a self-signed one to itself.
function chainOf(peer: DetailedPeerCertificate): X509Certificate[] {
  const chain: X509Certificate[] = [];
  for (let next: DetailedPeerCertificate | undefined = peer; next?.raw !== undefined && chain.length < MAX_CHAIN; ) {
    chain.push(new X509Certificate(next.raw));
    next = next.issuerCertificate === next ? undefined : next.issuerCertificate;
  }
  return chain;
}
