import { create, toBinary } from '@bufbuild/protobuf';
import { type AnchorKind, checkDescriptor, checkGrid, type Descriptor, pieceCount } from '../../content/descriptor.ts';
import { NearbitsError } from '../../core/errors.ts';
import type { FileVersion } from '../../core/file-version.ts';
import type { NodeId } from '../../core/ids.ts';
import { HASH_BYTES } from '../../core/pieces.ts';
import { MAX_URL_LENGTH } from '../../core/url.ts';
import {
  type DescriptorStatement,
  DescriptorStatementSchema,
  SignedDescriptorSchema,
  AnchorKind as WireAnchorKind,
} from '../../gen/nearbits/v1/descriptor_pb.js';
import type { Identity } from '../identity.ts';
import { isSignedBy, signFor } from '../signature.ts';
import { readVersion, writeVersion } from './search-codec.ts';
import { decodeMessage, protocolError, readNumber } from './wire.ts';

/** Larger messages are neither written nor read: 8,192 hashes, a URL, an ETag, a signature. */
export const MAX_DESCRIPTOR_BYTES = 272 * 1024;

/** What a holder puts its name to: the content it got for a version of a URL. */
export interface HolderStatement {
  readonly url: string;
  readonly version: FileVersion;
  /** Its anchor is the holder, whatever the holder says about it. */
  readonly descriptor: Descriptor;
  /** What vouches for it besides the holder, as the holder says. */
  readonly toldAnchor: AnchorKind;
}

const PURPOSE = 'nearbits descriptor v1';
/** Six fields of the statement and three of its version; two of the message around it. */
const MAX_STATEMENT_PARTS = 9;
const MAX_SIGNED_PARTS = 2;

const KINDS = {
  'job-digest': WireAnchorKind.JOB_DIGEST,
  'url-digest': WireAnchorKind.URL_DIGEST,
  'repr-digest': WireAnchorKind.REPR_DIGEST,
  metalink: WireAnchorKind.METALINK,
  // Neighbours need not know who gave the document; read as `metalink`, which comes first.
  'job-metalink': WireAnchorKind.METALINK,
  holder: WireAnchorKind.HOLDER,
} as const satisfies Record<AnchorKind, WireAnchorKind>;

/**
 * Writes what this node holds as the content of a version of a URL, and signs it.
 * @throws NearbitsError E_INVALID_ARGUMENT when the descriptor does not fit together or to the version, or does not fit into 272 KiB.
 */
export function signDescriptor(
  descriptor: Descriptor,
  url: string,
  version: FileVersion,
  identity: Identity,
): Uint8Array {
  const { size, pieceSize, pieces, sha256, anchor } = checkDescriptor(descriptor);
  if (version.size !== size || url === '' || url.length > MAX_URL_LENGTH) {
    throw new NearbitsError('E_INVALID_ARGUMENT', 'the descriptor does not belong to this version of the URL');
  }
  const message = create(DescriptorStatementSchema, {
    url,
    version: writeVersion(version),
    pieceSize: BigInt(pieceSize),
    sha256: sha256 ?? new Uint8Array(),
    anchor: KINDS[anchor.kind],
  });
  if (pieces !== null) message.pieceHashes = Buffer.concat(pieces);
  const statement = toBinary(DescriptorStatementSchema, message);
  const signed = { statement, signature: signFor(PURPOSE, statement, identity) };
  const bytes = toBinary(SignedDescriptorSchema, create(SignedDescriptorSchema, signed));
  if (bytes.length <= MAX_DESCRIPTOR_BYTES) return bytes;
  throw new NearbitsError('E_INVALID_ARGUMENT', `a descriptor of ${bytes.length} bytes is too large`);
}

/**
 * Reads what `nodeId` says about its content. The signature is checked before anything it covers is read.
 * @throws NearbitsError E_PEER_PROTOCOL for everything that {@link signDescriptor} of this node does not write.
 */
export function verifySignedDescriptor(bytes: Uint8Array, nodeId: NodeId): HolderStatement {
  if (bytes.length > MAX_DESCRIPTOR_BYTES) throw protocolError('a descriptor that is too large');
  const { statement, signature } = decodeMessage(SignedDescriptorSchema, bytes, MAX_SIGNED_PARTS);
  if (!isSignedBy(nodeId, PURPOSE, statement, signature)) throw protocolError('a descriptor with a wrong signature');
  return readStatement(decodeMessage(DescriptorStatementSchema, statement, MAX_STATEMENT_PARTS), nodeId);
}

function readStatement(message: DescriptorStatement, nodeId: NodeId): HolderStatement {
  const { url, sha256, anchor } = message;
  if (url === '' || url.length > MAX_URL_LENGTH) throw protocolError('a descriptor without a usable URL');
  if (message.version === undefined) throw protocolError('a descriptor without a version');
  const version = readVersion(message.version);
  const pieceSize = readNumber(message.pieceSize);
  const descriptor = fitting(() => {
    checkGrid(version.size, pieceSize);
    return checkDescriptor({
      size: version.size,
      pieceSize,
      pieces: readHashes(message.pieceHashes, pieceCount(version.size, pieceSize)),
      sha256: sha256.length === 0 ? null : sha256,
      anchor: { kind: 'holder', nodeId },
    });
  });
  return { url, version, descriptor, toldAnchor: readKind(anchor) };
}

function readHashes(bytes: Uint8Array | undefined, count: number): Uint8Array[] | null {
  if (bytes === undefined) return null;
  if (bytes.length !== count * HASH_BYTES) throw protocolError('hashes that do not fit the pieces');
  return Array.from({ length: count }, (_, index) => bytes.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES));
}

// A kind of a later version is as good as the word of the holder.
function readKind(wire: WireAnchorKind): AnchorKind {
  const kinds = Object.entries(KINDS) as [AnchorKind, WireAnchorKind][];
  return kinds.find(([, value]) => value === wire)?.[0] ?? 'holder';
}

function fitting<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof NearbitsError && error.code === 'E_INVALID_ARGUMENT')
      throw protocolError(error.message, error);
    throw error;
  }
}
