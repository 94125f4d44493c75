import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { publicKeyFromRaw } from '@libp2p/crypto/keys';
import { peerIdFromPublicKey, peerIdFromString } from '@libp2p/peer-id';
import { type ContentId, type NodeId, parseContentId, parseNodeId } from '../../core/ids.ts';
import {
  type DiscoveryDatagram,
  DiscoveryDatagramSchema,
  type PeerHint as WireSender,
} from '../../gen/nearbits/v1/discovery_pb.js';

/** Longest datagram sent or read; it fits every link unfragmented (the smallest IPv4 MTU is 576, RFC 791). */
export const MAX_DATAGRAM_BYTES = 512;

const WIRE_VERSION = 1;
const MESSAGE_ID_BYTES = 16;
const CONTENT_ID_BYTES = 32;
// Identity multihash of a libp2p Ed25519 public key: code 0, 36 bytes, then the key's protobuf head.
const PEER_ID_HEAD = Uint8Array.of(0x00, 0x24, 0x08, 0x01, 0x12, 0x20);
const PEER_ID_BYTES = PEER_ID_HEAD.length + 32;

/** Where a node says it can be reached; its address is the source of the datagram. */
export interface Sender {
  readonly nodeId: NodeId;
  /** TCP port of its libp2p listener. */
  readonly port: number;
  /** Grows with each start of the node. */
  readonly instance: number;
}

/** What one datagram says. The ids of datagrams are 32 characters of hex. */
export type Announcement =
  | { readonly kind: 'hello' | 'probe'; readonly messageId: string; readonly sender: Sender }
  | {
      readonly kind: 'probe-match';
      readonly messageId: string;
      readonly sender: Sender;
      /** The id of the Probe that is answered. */
      readonly relatesTo: string;
    }
  | {
      readonly kind: 'interest';
      readonly messageId: string;
      readonly sender: Sender;
      /** What the sender wants or has. */
      readonly contentId: ContentId;
    };

/** Why a datagram was not read. */
export type DatagramFault = 'oversized' | 'malformed' | 'version' | 'foreign';

/** A random id for one datagram. */
export function newMessageId(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(MESSAGE_ID_BYTES))).toString('hex');
}

/** Writes the datagram of `announcement` for the domain named by its 16-byte tag. */
export function encodeDatagram(announcement: Announcement, domainTag: Uint8Array): Uint8Array {
  const { nodeId, port, instance } = announcement.sender;
  const sender = { peerId: peerIdFromString(nodeId).toMultihash().bytes, port, instance: BigInt(instance) };
  const message = create(DiscoveryDatagramSchema, {
    version: WIRE_VERSION,
    domainTag,
    messageId: fromHex(announcement.messageId),
    body: toBody(announcement, sender),
  });
  return toBinary(DiscoveryDatagramSchema, message);
}

/**
 * Reads a datagram of this domain. Never throws and keeps nothing of what it refuses: the bytes come from anybody on
 * the subnet.
 */
export function decodeDatagram(bytes: Uint8Array, domainTag: Uint8Array): Announcement | DatagramFault {
  if (bytes.length > MAX_DATAGRAM_BYTES) return 'oversized';
  const message = parse(bytes);
  if (message === null) return 'malformed';
  if (message.version !== WIRE_VERSION) return 'version';
  if (!Buffer.from(message.domainTag).equals(domainTag)) return 'foreign';
  return toAnnouncement(message) ?? 'malformed';
}

function parse(bytes: Uint8Array): DiscoveryDatagram | null {
  try {
    return fromBinary(DiscoveryDatagramSchema, bytes, { readUnknownFields: false });
  } catch {
    return null;
  }
}

function toAnnouncement(message: DiscoveryDatagram): Announcement | null {
  const { messageId: id, body } = message;
  if (id.length !== MESSAGE_ID_BYTES || body.case === undefined) return null;
  const sender = toSender(body.value.sender);
  if (sender === null) return null;
  const messageId = toHex(id);
  switch (body.case) {
    case 'probeMatch': {
      const { relatesTo } = body.value;
      if (relatesTo.length !== MESSAGE_ID_BYTES) return null;
      return { kind: 'probe-match', messageId, sender, relatesTo: toHex(relatesTo) };
    }
    case 'interest': {
      const { contentId } = body.value;
      if (contentId.length !== CONTENT_ID_BYTES) return null;
      return { kind: 'interest', messageId, sender, contentId: parseContentId(toHex(contentId)) };
    }
    default:
      return { kind: body.case, messageId, sender };
  }
}

function toSender(wire: WireSender | undefined): Sender | null {
  if (wire === undefined || wire.port < 1 || wire.port > 65_535) return null;
  if (wire.instance > BigInt(Number.MAX_SAFE_INTEGER)) return null;
  const nodeId = toNodeId(wire.peerId);
  return nodeId === null ? null : { nodeId, port: wire.port, instance: Number(wire.instance) };
}

function toNodeId(bytes: Uint8Array): NodeId | null {
  if (bytes.length !== PEER_ID_BYTES || !PEER_ID_HEAD.every((byte, index) => bytes[index] === byte)) return null;
  const publicKey = publicKeyFromRaw(bytes.subarray(PEER_ID_HEAD.length));
  return publicKey.type === 'Ed25519' ? parseNodeId(peerIdFromPublicKey(publicKey).toString()) : null;
}

function toBody(announcement: Announcement, sender: { peerId: Uint8Array; port: number; instance: bigint }) {
  switch (announcement.kind) {
    case 'probe-match':
      return { case: 'probeMatch' as const, value: { sender, relatesTo: fromHex(announcement.relatesTo) } };
    case 'interest':
      return { case: 'interest' as const, value: { sender, contentId: fromHex(announcement.contentId) } };
    default:
      return { case: announcement.kind, value: { sender } };
  }
}

function fromHex(text: string): Uint8Array {
  return Buffer.from(text, 'hex');
}

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
