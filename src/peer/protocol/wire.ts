import { type DescMessage, fromBinary, type MessageShape } from '@bufbuild/protobuf';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { NearbitsError } from '../../core/errors.ts';

/** Protocol ids on libp2p; a change that old nodes cannot read gets a new number. */
export const MEMBERSHIP_PROTOCOL = '/nearbits/membership/1';
export const SEARCH_PROTOCOL = '/nearbits/search/1';
export const SWARM_PROTOCOL = '/nearbits/swarm/1';

/** Largest messages, in bytes without their length prefix; larger ones are neither sent nor read. */
export const MAX_MEMBERSHIP_BYTES = 16 * 1024;
export const MAX_REQUEST_BYTES = 16 * 1024;
export const MAX_ANSWER_BYTES = 1024 * 1024;
export const MAX_SWARM_BYTES = 64 * 1024;

/** The error for a peer that breaks the protocol. */
export function protocolError(what: string, cause?: unknown): NearbitsError {
  return new NearbitsError('E_PEER_PROTOCOL', `the peer broke the protocol: ${what}`, { cause });
}

/**
 * Decodes a message from the network. Its repeated fields are counted first: an empty submessage takes 2 bytes on the wire
 * and about a hundred in memory, so that a small message could fill the heap before any of it was looked at.
 * @param maxParts how many fields the message and everything in it may hold together.
 * @throws NearbitsError E_PEER_PROTOCOL for anything that is no such message.
 */
export function decodeMessage<Desc extends DescMessage>(
  schema: Desc,
  bytes: Uint8Array,
  maxParts: number,
): MessageShape<Desc> {
  try {
    countParts(schema, new BinaryReader(bytes), maxParts);
    return fromBinary(schema, bytes, { readUnknownFields: false });
  } catch (error) {
    if (error instanceof NearbitsError) throw error;
    throw protocolError(`it sent no ${schema.name}`, error);
  }
}

// Returns how many more parts are allowed.
function countParts(schema: DescMessage, reader: BinaryReader, allowed: number): number {
  let left = allowed;
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (--left < 0) throw protocolError(`a ${schema.name} with too many fields`);
    const field = schema.fields.find((candidate) => candidate.number === number);
    if (wireType === WireType.LengthDelimited && field?.message !== undefined) {
      left = countParts(field.message, new BinaryReader(reader.bytes()), left);
    } else {
      reader.skip(wireType, number);
    }
  }
  return left;
}

/** A wire integer as a number. @throws NearbitsError E_PEER_PROTOCOL beyond 2^53 - 1. */
export function readNumber(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw protocolError('a number is larger than 2^53 - 1');
  return Number(value);
}
