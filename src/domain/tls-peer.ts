import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { NodeId } from '../core/ids.ts';
import type { TrustAnchor } from './trust.ts';
import { MAX_CHAIN_LENGTH, type VerifiedMember, verifyMembershipChain } from './verify-chain.ts';

// Node hands the chain of a connection out only once: asked again, it knows the leaf without its issuers (Node 24) or
// nothing at all. So it is kept, which also makes checking a connection again later cheap.
const chains = new WeakMap<TLSSocket, readonly Uint8Array[]>();

/**
 * Checks the other end of a TLS connection, on both sides: everything that TLS itself does not look at (PeerId, enrolment
 * deadline, revocation) and once more what it does. Call it right after the handshake and before anybody else asks the
 * socket for certificates; it may be called again later, for example because the revocation list changed.
 *
 * TLS sessions must not be resumed, because a resumed session shows no chain: servers set
 * `secureOptions: constants.SSL_OP_NO_TICKET`, clients `maxCachedSessions: 0` or no `session`.
 * @param expected the node that was asked; null on the server, where any member may call.
 * @throws NearbitsError E_CERTIFICATE; the caller then destroys the connection.
 */
export function verifyTlsPeer(
  socket: TLSSocket,
  trust: TrustAnchor,
  expected: NodeId | null,
  nowMs: number,
): VerifiedMember {
  const chain = chains.get(socket) ?? chainOf(socket);
  chains.set(socket, chain);
  return verifyMembershipChain(chain, trust, expected, nowMs);
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
