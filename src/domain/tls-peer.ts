import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { NodeId } from '../core/ids.ts';
import { chainError, type TrustAnchor } from './trust.ts';
import { MAX_CHAIN_BYTES, MAX_CHAIN_LENGTH, type VerifiedMember, verifyMembershipChain } from './verify-chain.ts';

/**
 * HTTP request header in which a content client repeats the intermediate CAs of its chain (base64 DER, separated by
 * commas). Node 24.21 and others hide from a TLS server what the client sent beside its leaf (nodejs/node#65579). The
 * header proves nothing by itself: what it holds must link the leaf of the handshake to the CA.
 */
export const CHAIN_HEADER = 'nearbits-chain';

/** The value of {@link CHAIN_HEADER}; empty when the CA signed the leaf itself, and then not sent. */
export function printIntermediates(chainDer: readonly Uint8Array[]): string {
  return chainDer
    .slice(1)
    .map((der) => Buffer.from(der).toString('base64'))
    .join(',');
}

/** Reads {@link CHAIN_HEADER}. @throws NearbitsError E_CERTIFICATE when it is too long or no base64. */
export function parseIntermediates(header: string | undefined): Uint8Array[] {
  if (header === undefined || header === '') return [];
  if (header.length > MAX_CHAIN_BYTES * 2) throw chainError('too-long', 'the chain in the request is too long');
  const parts = header.split(',');
  if (parts.length >= MAX_CHAIN_LENGTH) throw chainError('too-long', 'the chain in the request is too long');
  if (!parts.every((part) => /^[A-Za-z0-9+/]+={0,2}$/.test(part))) {
    throw chainError('malformed', 'the chain in the request is no base64');
  }
  return parts.map((part) => Buffer.from(part, 'base64'));
}

// Node hands the chain of a connection out only once; asked again, a client knows nothing. So it is kept, which also
// makes it cheap to check a connection again later.
const shown = new WeakMap<TLSSocket, readonly Uint8Array[]>();

/**
 * Checks the other end of a TLS connection, on both sides: everything that TLS itself does not look at (PeerId, enrolment
 * deadline, revocation) and once more what it does. Nobody else may have asked the socket for certificates before with
 * getPeerX509Certificate. It may be called again at any time, for example because the revocation list has changed.
 *
 * TLS sessions must not be resumed, because a resumed session shows no chain: servers set
 * `secureOptions: constants.SSL_OP_NO_TICKET`, clients offer no session.
 * @param expected the node that was asked; null on the server, where any member may call.
 * @param intermediates on the server, those of {@link CHAIN_HEADER}; they are used when TLS shows none.
 * @throws NearbitsError E_CERTIFICATE; the caller then destroys the connection.
 */
export function verifyTlsPeer(
  socket: TLSSocket,
  trust: TrustAnchor,
  expected: NodeId | null,
  nowMs: number,
  intermediates: readonly Uint8Array[] = [],
): VerifiedMember {
  const chain = shown.get(socket) ?? chainOf(socket);
  shown.set(socket, chain);
  const complete = chain.length === 1 ? [...chain, ...intermediates] : chain;
  return verifyMembershipChain(complete, trust, expected, nowMs);
}

function chainOf(socket: TLSSocket): Uint8Array[] {
  const chain: Uint8Array[] = [];
  let next: X509Certificate | undefined = socket.getPeerX509Certificate();
  // A self-signed certificate may be its own issuer, so the length ends the walk too; one more for the CA.
  while (next !== undefined && chain.length <= MAX_CHAIN_LENGTH) {
    chain.push(next.raw);
    next = next.issuerCertificate;
  }
  return chain;
}
