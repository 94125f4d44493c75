import { type Anchor, type Descriptor, pieceRange } from '../content/descriptor.ts';
import type { PartFile } from '../transfer/part-file.ts';
import type { FileRequest } from './file-task.ts';
import type { Wish } from './wish.ts';

/** How a complete file compares with what it must be. */
export interface Comparison {
  readonly matches: boolean;
  /** Who says what it must be. */
  readonly anchor: Anchor;
  /** SHA-256 of the bytes written, in hex; null where only pieces could be compared. */
  readonly sha256: string | null;
  /** What was expected and found, for the trace. */
  readonly data: Readonly<Record<string, string | number>>;
}

/**
 * Compares the bytes of a complete part file with the digest of the whole; where nobody knows that, with the hash of every
 * piece; for ranges with the digest that was given with the job. Null when nobody says what the file must be.
 * @throws the reason of the signal, or NearbitsError E_IO.
 */
export async function compareFile(
  part: PartFile,
  { descriptor }: Wish,
  request: FileRequest,
  signal: AbortSignal,
): Promise<Comparison | null> {
  if (descriptor !== null && descriptor.sha256 === null) return comparePieces(part, descriptor, signal);
  const whole = descriptor?.sha256 ?? null;
  // A digest that is given for ranges is that of the ranges as they are written.
  const expected = whole === null ? request.sha256 : Buffer.from(whole).toString('hex');
  if (expected === null) return null;
  const anchor = descriptor?.anchor ?? { kind: 'job-digest' };
  const sha256 = await part.digest(signal);
  const matches = sha256 === expected;
  return { matches, anchor, sha256, data: matches ? { sha256 } : { expected, found: sha256 } };
}

// The part file may be cut by another grid; then the bytes are read once more.
async function comparePieces(part: PartFile, descriptor: Descriptor, signal: AbortSignal): Promise<Comparison> {
  const { anchor, pieces, pieceSize } = descriptor;
  const hashes = pieces ?? [];
  for (const [index, expected] of hashes.entries()) {
    const found = await part.hashOf(pieceRange(descriptor, index), signal);
    if (Buffer.compare(found, expected) === 0) continue;
    const data = { piece: index, pieceSize, expected: hex(expected), found: hex(found) };
    return { matches: false, anchor, sha256: null, data };
  }
  return { matches: true, anchor, sha256: null, data: { pieces: hashes.length, pieceSize } };
}

function hex(hash: Uint8Array): string {
  return Buffer.from(hash).toString('hex');
}
