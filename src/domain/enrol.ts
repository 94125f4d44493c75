import { createPublicKey, type KeyObject } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import { NearbitsError } from '../core/errors.ts';
import type { NodeId } from '../core/ids.ts';
import { readCertificate } from './certificate.ts';
import type { DomainFiles } from './domain-files.ts';
import { issueCertificate, keyPem, newKey } from './issue.ts';
import { loadMembership, type Membership, readKey } from './membership.ts';
import { CLOCK_SKEW_MS, nodeUri } from './names.ts';
import { encodePem } from './pem.ts';
import type { TrustAnchor } from './trust.ts';
import { verifyMembershipChain } from './verify-chain.ts';

/** A node's certificate is valid for 1 year; joining again renews it. */
export const NODE_TERM_MS = 365 * 86_400_000;

/** Who a membership is for; the node's libp2p identity fits. */
export interface MemberIdentity {
  readonly nodeId: NodeId;
}

/** By whom a node becomes a member. */
export interface Enrolment {
  readonly trust: TrustAnchor;
  readonly issuer: { readonly certificateDer: Uint8Array; readonly key: KeyObject };
  /** The chain above the new leaf, without the CA. */
  readonly chainDer: readonly Uint8Array[];
}

/**
 * Issues the node's certificate, proves it as others will, and only then writes it, `node.pem` last.
 * @throws NearbitsError E_CERTIFICATE when the issuer cannot make members of this domain, E_IO.
 */
export async function enrol(
  files: DomainFiles,
  by: Enrolment,
  { nodeId }: MemberIdentity,
  clock: Clock,
): Promise<Membership> {
  const nowMs = clock.wallMs();
  const issuer = readCertificate(by.issuer.certificateDer);
  const nodeKey = await ownKey(files);
  const leaf = await issueCertificate(by.issuer, {
    name: nodeId,
    publicKey: createPublicKey(nodeKey),
    notBeforeMs: Math.max(nowMs - CLOCK_SKEW_MS, issuer.notBeforeMs),
    notAfterMs: Math.min(nowMs + NODE_TERM_MS, issuer.notAfterMs),
    use: { kind: 'node' },
    uris: [nodeUri(nodeId)],
  });
  const chain = [leaf, ...by.chainDer];
  verifyMembershipChain(chain, by.trust, nodeId, nowMs);
  await files.write('ca.pem', encodePem('CERTIFICATE', by.trust.ca.der));
  await files.write('node.key', keyPem(nodeKey));
  await files.write('node.pem', encodePem('CERTIFICATE', ...chain));
  const membership = await loadMembership(files.dir, nodeId, clock);
  if (membership === null) throw new NearbitsError('E_INTERNAL', 'the new membership cannot be read back');
  return membership;
}

// A renewal keeps the key, so that node.key and node.pem fit together at every moment.
async function ownKey(files: DomainFiles): Promise<KeyObject> {
  const pem = (await files.read('node.pem')) === null ? null : await files.read('node.key');
  return pem === null ? newKey() : readKey(pem, 'node.key');
}
