import { printAnchor } from '../content/anchors.ts';
import { type Anchor, type Descriptor, isGiven, pieceRange } from '../content/descriptor.ts';
import { type ErrorDetails, NearbitsError } from '../core/errors.ts';
import type { PartFile } from '../transfer/part-file.ts';

/** A complete file whose bytes can be hashed. */
export type HashableFile = Pick<PartFile, 'digest' | 'hashOf'>;

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
 * Compares the bytes of a complete file with the digest of the whole; where nobody knows that, with the hash of every
 * piece; without a descriptor with `sha256` in hex, that of the job. Null when nobody says what the file must be.
 * @throws the reason of the signal, or NearbitsError E_IO.
 */
export async function compareFile(
  file: HashableFile,
  descriptor: Descriptor | null,
  sha256: string | null,
  signal: AbortSignal,
): Promise<Comparison | null> {
  if (descriptor !== null && descriptor.sha256 === null) return comparePieces(file, descriptor, signal);
  const whole = descriptor?.sha256 ?? null;
  // A digest that is given for ranges is that of the ranges as they are written.
  const expected = whole === null ? sha256 : hex(whole);
  if (expected === null) return null;
  const anchor = descriptor?.anchor ?? { kind: 'job-digest' };
  const found = await file.digest(signal);
  const matches = found === expected;
  return { matches, anchor, sha256: found, data: matches ? { sha256: found } : { expected, found } };
}

/**
 * What comparing would find of a complete file whose pieces were all proven as they came; null where the digest of the
 * whole says more than they do, because somebody else named it. A document of the origin that names both is one word: to
 * hash the file once more would only test whether that contradicts itself, while the user waits.
 */
export function comparedByPieces(descriptor: Descriptor): Comparison | null {
  const { anchor, pieces, sha256 } = descriptor;
  return pieces === null || (sha256 !== null && anchor.kind !== 'metalink') ? null : allPiecesMatch(descriptor);
}

/** The failure of a file that does not match; `details` go with those of the comparison. */
export function mismatchOf({ anchor, data }: Comparison, details: ErrorDetails): NearbitsError {
  const message = `the file does not match ${printAnchor(anchor)}`;
  const told = { ...data, anchor: anchor.kind, ...details };
  return new NearbitsError('E_VALIDATION_FAILED', message, { details: told, hint: hintFor(anchor) });
}

// The file may be cut by another grid; then the bytes are read once more.
async function comparePieces(file: HashableFile, descriptor: Descriptor, signal: AbortSignal): Promise<Comparison> {
  const { anchor, pieces, pieceSize } = descriptor;
  const hashes = pieces ?? [];
  for (const [index, expected] of hashes.entries()) {
    const found = await file.hashOf(pieceRange(descriptor, index), signal);
    if (Buffer.compare(found, expected) === 0) continue;
    const data = { piece: index, pieceSize, expected: hex(expected), found: hex(found) };
    return { matches: false, anchor, sha256: null, data };
  }
  return allPiecesMatch(descriptor);
}

function allPiecesMatch({ anchor, pieces, pieceSize }: Descriptor): Comparison {
  return { matches: true, anchor, sha256: null, data: { pieces: pieces?.length ?? 0, pieceSize } };
}

function hex(hash: Uint8Array): string {
  return Buffer.from(hash).toString('hex');
}

function hintFor(anchor: Anchor): string {
  if (!isGiven(anchor))
    return 'The origin delivered the same wrong bytes twice, or names a wrong digest: tell whoever runs it. A digest given with the job counts instead.';
  const what = anchor.kind === 'job-digest' ? 'digest' : 'document';
  return `Check the ${what}; if it is right, the origin delivers another file than the one it belongs to.`;
}
