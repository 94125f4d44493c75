import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { NearbitsError, systemErrorCode } from '../core/errors.ts';
import { type NodeId, parseNodeId } from '../core/ids.ts';
import { remembering } from '../core/remembering.ts';
import { ensurePrivateDir } from '../platform/disk.ts';
import { writeFileAtomically } from '../platform/write-file.ts';

/**
 * Who this node is: an Ed25519 key pair. It is made and read without libp2p, which takes over 40 MiB, because a node in no
 * domain has an identity too.
 */
export interface Identity {
  /** The libp2p PeerId of the public key. */
  readonly nodeId: NodeId;
  /** The 32 bytes of the public key. */
  readonly publicKey: Uint8Array;
  /** Never leaves this process. */
  readonly privateKey: KeyObject;
}

const FILE_NAME = 'identity.key';
const MAX_FILE_BYTES = 4096;
const PUBLIC_KEY_BYTES = 32;
// SubjectPublicKeyInfo of an Ed25519 key up to the key itself (RFC 8410 section 4).
const SPKI_HEAD = Uint8Array.of(0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00);
// Identity multihash, 36 bytes: protobuf of a key of type 1 (Ed25519) and 32 bytes.
const PEER_ID_HEAD = Uint8Array.of(0x00, 0x24, 0x08, 0x01, 0x12, 0x20);

/**
 * Reads the identity from `identity.key` (PKCS #8 in PEM, mode 0600) in the data directory, or makes one there. Not to be
 * called by two processes for a fresh directory at once: the lock of the database keeps them apart.
 * @throws NearbitsError E_IO when the file cannot be read or is no Ed25519 key. It is never replaced: that would quietly end the node's membership.
 */
export async function loadOrCreateIdentity(dataDir: string): Promise<Identity> {
  const path = join(dataDir, FILE_NAME);
  const pem = await readIfThere(path);
  if (pem !== null) return identityOf(parseKey(pem, path));
  const { privateKey } = generateKeyPairSync('ed25519');
  await ensurePrivateDir(dataDir);
  await writeFileAtomically(path, privateKey.export({ type: 'pkcs8', format: 'pem' }), 0o600);
  return identityOf(privateKey);
}

/** The identity that belongs to an Ed25519 private key. */
export function identityOf(privateKey: KeyObject): Identity {
  const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  const publicKey = new Uint8Array(spki.subarray(SPKI_HEAD.length));
  return { nodeId: nodeIdOf(publicKey), publicKey, privateKey };
}

/**
 * The PeerId of an Ed25519 public key in text form: base58 of an identity multihash (0x00, 36 bytes) over the protobuf
 * of the key (type 1 = Ed25519, then 32 bytes); libp2p specification "Peer Ids and Keys".
 */
export function nodeIdOf(publicKey: Uint8Array): NodeId {
  return parseNodeId(base58(Uint8Array.of(...PEER_ID_HEAD, ...publicKey)));
}

// The same few dozen neighbours are named in every message; and to read a key out of a PeerId takes as long as to check a
// signature with it.
const REMEMBERED_IDS = 512;

/** The Ed25519 public key that a PeerId holds: the inverse of {@link nodeIdOf}. @throws NearbitsError E_INVALID_ARGUMENT when it holds none. */
export const publicKeyOf: (nodeId: NodeId) => KeyObject = remembering((nodeId) => {
  const raw = peerIdBytes(nodeId).subarray(PEER_ID_HEAD.length);
  return createPublicKey({ key: Buffer.concat([SPKI_HEAD, raw]), format: 'der', type: 'spki' });
}, REMEMBERED_IDS);

/** A PeerId in its binary form, 38 bytes, which are not to be changed. @throws NearbitsError E_INVALID_ARGUMENT when the text holds no Ed25519 key. */
export const peerIdBytes: (nodeId: NodeId) => Uint8Array = remembering((nodeId) => {
  const bytes = fromBase58(nodeId);
  if (!isPeerId(bytes)) throw new NearbitsError('E_INVALID_ARGUMENT', `"${nodeId.slice(0, 80)}" holds no Ed25519 key`);
  return bytes;
}, REMEMBERED_IDS);

const nodeIdOfLatin1 = remembering(
  (text: string) => nodeIdOf(Buffer.from(text, 'latin1').subarray(PEER_ID_HEAD.length)),
  REMEMBERED_IDS,
);

/** The text form of a binary PeerId: the inverse of {@link peerIdBytes}. @throws NearbitsError E_INVALID_ARGUMENT when the bytes are no PeerId of an Ed25519 key. */
export function nodeIdFromBytes(bytes: Uint8Array): NodeId {
  if (!isPeerId(bytes)) throw new NearbitsError('E_INVALID_ARGUMENT', 'the bytes are no PeerId of an Ed25519 key');
  return nodeIdOfLatin1(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1'));
}

function isPeerId(bytes: Uint8Array): boolean {
  const isLong = bytes.length === PEER_ID_HEAD.length + PUBLIC_KEY_BYTES;
  return isLong && PEER_ID_HEAD.every((byte, index) => bytes[index] === byte);
}

const BASE58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
// So many digits are an exact number; in steps of them large numbers are read and written several times faster.
const STEP = 9;
const STEP_VALUE = 58n ** BigInt(STEP);

// Of a PeerId, which begins with one zero byte and is 38 bytes long.
function fromBase58(text: string): Buffer {
  let value = 0n;
  for (let end = text.length % STEP; end <= text.length; end += STEP) {
    const digits = text.slice(Math.max(0, end - STEP), end);
    value =
      value * STEP_VALUE +
      BigInt([...digits].reduce((part, digit) => part * 58 + Math.max(0, BASE58.indexOf(digit)), 0));
  }
  return Buffer.from(value.toString(16).padStart(2 * (PEER_ID_HEAD.length + PUBLIC_KEY_BYTES), '0'), 'hex');
}

function base58(bytes: Uint8Array): string {
  let text = '';
  for (let value = BigInt(`0x${Buffer.from(bytes).toString('hex')}`); value > 0n; value /= STEP_VALUE) {
    let part = Number(value % STEP_VALUE);
    for (let digit = 0; digit < STEP; digit++) {
      text = BASE58.charAt(part % 58) + text;
      part = Math.floor(part / 58);
    }
  }
  const zeros = bytes.findIndex((byte) => byte !== 0);
  return '1'.repeat(zeros < 0 ? bytes.length : zeros) + text.replace(/^1+/, '');
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    if ((await stat(path)).size > MAX_FILE_BYTES) throw unusable(path);
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof NearbitsError) throw error;
    if (systemErrorCode(error) === 'ENOENT') return null;
    throw new NearbitsError('E_IO', `${path} cannot be read`, { cause: error });
  }
}

function parseKey(pem: string, path: string): KeyObject {
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch (error) {
    throw unusable(path, error);
  }
  throw unusable(path);
}

function unusable(path: string, cause?: unknown): NearbitsError {
  return new NearbitsError('E_IO', `${path} holds no Ed25519 private key`, {
    cause,
    hint: 'Restore it from a backup, or move it away: the node then gets a new identity and has to join its domain again.',
  });
}
