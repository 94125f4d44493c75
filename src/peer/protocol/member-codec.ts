import { create } from '@bufbuild/protobuf';
import { type NodeId, parseNodeId } from '../../core/ids.ts';
import { type Member, MemberSchema } from '../../gen/nearbits/v1/swarm_pb.js';
import { nodeIdFromBytes, peerIdBytes } from '../identity.ts';
import type { InterestedMember } from '../swarm/swarm-message.ts';
import { ipBytes, ipText } from './ip-bytes.ts';
import { protocolError, readNumber } from './wire.ts';

const MAX_PORT = 65_535;

/** Writes a member. An address that is no plain IP address is left out: it would mean nothing to others. @throws NearbitsError E_INVALID_ARGUMENT when the id is no node's. */
export function writeMember({ nodeId, ageMs, address }: InterestedMember): Member {
  const bytes = address === null ? null : ipBytes(address.host);
  const place = address === null || bytes === null ? {} : { address: bytes, port: address.port };
  return create(MemberSchema, { peerId: writeId(nodeId), ageMs: writeNumber(ageMs), ...place });
}

/** Reads a member. @throws NearbitsError E_PEER_PROTOCOL */
export function readMember({ peerId, ageMs, address, port }: Member): InterestedMember {
  const nodeId = readId(peerId);
  if (address.length === 0) return { nodeId, ageMs: readNumber(ageMs), address: null };
  const host = ipText(address);
  if (host === null || port < 1 || port > MAX_PORT) throw protocolError('an address that cannot be');
  return { nodeId, ageMs: readNumber(ageMs), address: { host, port } };
}

/** The binary PeerId of a node. @throws NearbitsError E_INVALID_ARGUMENT when the text is not the id of a node. */
export function writeId(nodeId: string): Uint8Array {
  return peerIdBytes(parseNodeId(nodeId));
}

/** The node with a binary PeerId. @throws NearbitsError E_PEER_PROTOCOL when the bytes are none. */
export function readId(bytes: Uint8Array): NodeId {
  try {
    return nodeIdFromBytes(bytes);
  } catch (error) {
    throw protocolError('it names a node that cannot be', error);
  }
}

/** A number for the wire: whole, at least 0, at most 2^53 - 1. What is no number counts as 0. */
export function writeNumber(value: number): bigint {
  return value > 0 ? BigInt(Math.min(Math.round(value), Number.MAX_SAFE_INTEGER)) : 0n;
}
