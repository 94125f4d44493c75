import { sign, verify } from 'node:crypto';
import type { NodeId } from '../core/ids.ts';
import { type Identity, publicKeyOf } from './identity.ts';

/** Length of an Ed25519 signature. */
export const SIGNATURE_BYTES = 64;

/** What a node puts its name to. Each purpose has its own, so that a signature made for one can never stand for another. */
export type SigningPurpose = 'nearbits descriptor v1' | 'nearbits piece receipt v1';

/** Signs bytes for one purpose with the identity of this node (Ed25519, RFC 8032). */
export function signFor(purpose: SigningPurpose, bytes: Uint8Array, identity: Identity): Uint8Array {
  return sign(null, withPurpose(purpose, bytes), identity.privateKey);
}

/** Whether `nodeId` signed these bytes for this purpose. */
export function isSignedBy(nodeId: NodeId, purpose: SigningPurpose, bytes: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== SIGNATURE_BYTES) return false;
  return verify(null, withPurpose(purpose, bytes), publicKeyOf(nodeId), signature);
}

// No purpose contains a zero byte, so none is the beginning of another.
function withPurpose(purpose: SigningPurpose, bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`${purpose}\0`, 'ascii'), bytes]);
}
