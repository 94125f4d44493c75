import { create, toBinary } from '@bufbuild/protobuf';
import { NearbitsError } from '../../core/errors.ts';
import type { ContentId } from '../../core/ids.ts';
import { HASH_BYTES } from '../../core/pieces.ts';
import { type BadPieceEvidence, BadPieceEvidenceSchema } from '../../gen/nearbits/v1/descriptor_pb.js';
import {
  type Interested,
  InterestedSchema,
  InterestSchema,
  type SwarmMessage,
  SwarmMessageSchema,
} from '../../gen/nearbits/v1/swarm_pb.js';
import type { InterestedMember, SwarmWireBody, SwarmWireMessage } from '../swarm/swarm-message.ts';
import { BEAT_PARTS, readBeat, writeBeat } from './beat-codec.ts';
import { readMember, writeMember } from './member-codec.ts';
import { EVIDENCE_PARTS, MAX_EVIDENCE_BYTES } from './receipt-codec.ts';
import { decodeMessage, MAX_SWARM_BYTES, protocolError } from './wire.ts';

/** Members that one answer to an interest may name. */
const MAX_INTERESTED = 16;

/** Content, port and body, and what is in the largest of the bodies, a beat. */
const MAX_PARTS = 3 + BEAT_PARTS;
const MAX_PORT = 65_535;

/**
 * Writes a message; of more than 16 interested members the first ones. Numbers are rounded to whole ones, rates to bytes
 * per second.
 * @throws NearbitsError E_INVALID_ARGUMENT for pieces that do not rise and ids that are none, E_PEER_PROTOCOL for evidence that is none.
 */
export function encodeSwarmMessage({ contentId, contentPort, body }: SwarmWireMessage): Uint8Array {
  const message = create(SwarmMessageSchema, { contentId: Buffer.from(contentId, 'hex'), contentPort });
  message.body = writeBody(body);
  const bytes = toBinary(SwarmMessageSchema, message);
  if (bytes.length > MAX_SWARM_BYTES) throw invalid(`a message of ${bytes.length} bytes is too large`);
  return bytes;
}

/** Reads a message. @throws NearbitsError E_PEER_PROTOCOL for everything that {@link encodeSwarmMessage} does not write. */
export function decodeSwarmMessage(bytes: Uint8Array): SwarmWireMessage {
  if (bytes.length > MAX_SWARM_BYTES) throw protocolError('a message that is too large');
  const { contentId, contentPort, body } = decodeMessage(SwarmMessageSchema, bytes, MAX_PARTS);
  if (contentId.length !== HASH_BYTES) throw protocolError('a message about no content');
  if (contentPort > MAX_PORT) throw protocolError('a port that cannot be');
  return { contentId: Buffer.from(contentId).toString('hex') as ContentId, contentPort, body: readBody(body) };
}

function writeBody(body: SwarmWireBody): SwarmMessage['body'] {
  switch (body.kind) {
    case 'beat':
      return { case: 'beat', value: writeBeat(body) };
    case 'evidence':
      return { case: 'evidence', value: writeEvidence(body.evidence) };
    case 'interest':
      return { case: 'interest', value: create(InterestSchema, { port: body.port }) };
    case 'interested':
      return { case: 'interested', value: writeInterested(body.members) };
  }
}

function readBody(body: SwarmMessage['body']): SwarmWireBody {
  switch (body.case) {
    case 'beat':
      return readBeat(body.value);
    case 'evidence':
      return { kind: 'evidence', evidence: readEvidence(body.value) };
    case 'interest':
      return { kind: 'interest', port: readPort(body.value.port) };
    case 'interested':
      return { kind: 'interested', members: readInterested(body.value) };
    default:
      throw protocolError('a message that says nothing');
  }
}

// Once round through the schema, so that it takes no more on the wire than evidence does; nothing in it is judged here.
function writeEvidence(evidence: Uint8Array): BadPieceEvidence {
  if (evidence.length > MAX_EVIDENCE_BYTES) throw invalid('evidence that is too large');
  return decodeMessage(BadPieceEvidenceSchema, evidence, EVIDENCE_PARTS);
}

function readEvidence(wire: BadPieceEvidence): Uint8Array {
  const evidence = toBinary(BadPieceEvidenceSchema, wire);
  if (evidence.length > MAX_EVIDENCE_BYTES) throw protocolError('evidence that is too large');
  return evidence;
}

function writeInterested(members: readonly InterestedMember[]): Interested {
  const message = create(InterestedSchema);
  message.members = members.slice(0, MAX_INTERESTED).map(writeMember);
  return message;
}

function readPort(port: number): number {
  if (port < 1 || port > MAX_PORT) throw protocolError('a port that cannot be');
  return port;
}

function readInterested({ members }: Interested): InterestedMember[] {
  if (members.length > MAX_INTERESTED) throw protocolError('an answer that names too many');
  return members.map(readMember);
}

function invalid(message: string): NearbitsError {
  return new NearbitsError('E_INVALID_ARGUMENT', message);
}
