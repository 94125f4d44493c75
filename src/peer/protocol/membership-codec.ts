import { create, toBinary } from '@bufbuild/protobuf';
import { MAX_CERTIFICATE_BYTES } from '../../domain/certificate.ts';
import { MAX_CHAIN_LENGTH } from '../../domain/verify-chain.ts';
import {
  type MembershipChain,
  MembershipChainSchema,
  MembershipReplySchema,
  MembershipStatus,
} from '../../gen/nearbits/v1/membership_pb.js';
import { decodeMessage, protocolError } from './wire.ts';

/** What the listener answers to a membership chain. */
export type MembershipReply =
  | { readonly status: 'accepted'; readonly chain: readonly Uint8Array[] }
  | { readonly status: 'refused' }
  | { readonly status: 'busy' };

/** A chain, the status, and the field of the chain in a reply. */
const MAX_PARTS = MAX_CHAIN_LENGTH + 2;

export function encodeChain(chain: readonly Uint8Array[]): Uint8Array {
  return toBinary(MembershipChainSchema, create(MembershipChainSchema, { certificates: [...chain] }));
}

/** @throws NearbitsError E_PEER_PROTOCOL; the certificates themselves are not looked at. */
export function decodeChain(bytes: Uint8Array): Uint8Array[] {
  return readChain(decodeMessage(MembershipChainSchema, bytes, MAX_PARTS));
}

export function encodeReply(reply: MembershipReply): Uint8Array {
  const message = create(MembershipReplySchema, { status: STATUS[reply.status] });
  if (reply.status === 'accepted') message.chain = create(MembershipChainSchema, { certificates: [...reply.chain] });
  return toBinary(MembershipReplySchema, message);
}

/** @throws NearbitsError E_PEER_PROTOCOL, also for a status that this version does not know. */
export function decodeReply(bytes: Uint8Array): MembershipReply {
  const { status, chain } = decodeMessage(MembershipReplySchema, bytes, MAX_PARTS);
  switch (status) {
    case MembershipStatus.ACCEPTED:
      if (chain === undefined) throw protocolError('it accepted without showing its own chain');
      return { status: 'accepted', chain: readChain(chain) };
    case MembershipStatus.REFUSED:
      return { status: 'refused' };
    case MembershipStatus.BUSY:
      return { status: 'busy' };
    default:
      throw protocolError('a membership status that is not known');
  }
}

const STATUS = {
  accepted: MembershipStatus.ACCEPTED,
  refused: MembershipStatus.REFUSED,
  busy: MembershipStatus.BUSY,
} as const;

function readChain({ certificates }: MembershipChain): Uint8Array[] {
  if (certificates.length === 0 || certificates.length > MAX_CHAIN_LENGTH) {
    throw protocolError(`a chain of ${certificates.length} certificates`);
  }
  if (certificates.some((der) => der.length === 0 || der.length > MAX_CERTIFICATE_BYTES)) {
    throw protocolError('a certificate of a size that none has');
  }
  return certificates;
}
