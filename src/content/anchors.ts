import { NearbitsError } from '../core/errors.ts';
import { pieceSizeFor } from '../core/pieces.ts';
import {
  type Anchor,
  type AnchorKind,
  checkDescriptor,
  compareDescriptors,
  type Descriptor,
  pieceCount,
} from './descriptor.ts';

/** What one anchor says about a file; the size may come from elsewhere. */
export interface Claim {
  readonly anchor: Anchor;
  /** Bytes of the whole file, or null when the anchor does not tell. */
  readonly size: number | null;
  /** SHA-256 of the whole file, or null. */
  readonly sha256: Uint8Array | null;
  /** The hashes of all pieces, or null. */
  readonly pieces: PieceList | null;
}

/** All pieces of a file. */
export interface PieceList {
  readonly pieceSize: number;
  readonly hashes: readonly Uint8Array[];
}

// What is stronger counts where both say something. The user knows what he wants; a digest in the URL is what was asked for.
const RANK: Readonly<Record<AnchorKind, number>> = {
  'job-digest': 0,
  'url-digest': 1,
  'repr-digest': 2,
  metalink: 3,
  holder: 4,
};

/**
 * Makes one descriptor of everything that was found about a file of `size` bytes, or null when nothing was. The digest
 * of a job wins: what does not say the same is set aside, and whether the file is right shows when it is complete. A holder
 * counts only where nobody else speaks, and the first one only. What speaks of another size speaks of another version,
 * and is set aside too.
 * Pieces come from the strongest that knows them; the anchor is the strongest of all.
 * @throws NearbitsError E_VALIDATION_FAILED when two others contradict each other; its message names both.
 */
export function chooseAnchor(size: number, claims: readonly Claim[]): Descriptor | null {
  const found = claims
    .filter((claim) => speaksOf(size, claim))
    .toSorted((a, b) => RANK[a.anchor.kind] - RANK[b.anchor.kind])
    .map((claim) => describe(size, claim));
  const [strongest] = found;
  if (strongest === undefined) return null;
  const agreeing = found.filter((other) => other === strongest || counts(strongest, other));
  const clash = findContradiction(agreeing);
  if (clash !== null && strongest.anchor.kind === 'job-digest') return strongest;
  if (clash !== null) throw contradiction(...clash);
  const sha256 = agreeing.find((descriptor) => descriptor.sha256 !== null)?.sha256 ?? null;
  const list = agreeing.find(({ pieces }) => pieces !== null);
  const { pieceSize, pieces } = list ?? strongest;
  return { size, pieceSize, pieces, sha256, anchor: strongest.anchor };
}

/** An anchor in words, for people. */
export function printAnchor(anchor: Anchor): string {
  switch (anchor.kind) {
    case 'job-digest':
      return 'the digest that was asked for';
    case 'url-digest':
      return 'the digest in the URL';
    case 'repr-digest':
      return 'the Repr-Digest of the origin';
    case 'metalink':
      return `the Metalink document ${shortUrl(anchor.url)}`;
    case 'holder':
      return `the neighbour ${anchor.nodeId}`;
  }
}

function describe(size: number, { anchor, sha256, pieces }: Claim): Descriptor {
  const pieceSize = pieces?.pieceSize ?? pieceSizeFor(size);
  return checkDescriptor({ size, pieceSize, pieces: pieces?.hashes ?? null, sha256, anchor });
}

// Pieces that do not cover the size belong to another version as well.
function speaksOf(size: number, claim: Claim): boolean {
  if (claim.size !== null && claim.size !== size) return false;
  if (claim.pieces === null) return claim.sha256 !== null;
  return claim.pieces.hashes.length === pieceCount(size, claim.pieces.pieceSize);
}

// Whether what a weaker anchor says may be used beside the strongest one.
function counts(strongest: Descriptor, weaker: Descriptor): boolean {
  if (weaker.anchor.kind === 'holder') return false;
  return strongest.anchor.kind !== 'job-digest' || compareDescriptors(strongest, weaker) === 'same';
}

function findContradiction(descriptors: readonly Descriptor[]): [Descriptor, Descriptor] | null {
  for (const [index, one] of descriptors.entries()) {
    const other = descriptors.slice(index + 1).find((later) => compareDescriptors(one, later) === 'different');
    if (other !== undefined) return [one, other];
  }
  return null;
}

function contradiction(one: Descriptor, other: Descriptor): NearbitsError {
  const message = `${printAnchor(one.anchor)} and ${printAnchor(other.anchor)} contradict each other`;
  return new NearbitsError('E_VALIDATION_FAILED', message, {
    details: { anchors: [one, other].map(({ anchor, sha256 }) => ({ ...anchor, sha256: hex(sha256) })) },
    hint: 'Tell whoever runs the origin. A job with the right digest is not bound by either of them.',
  });
}

function hex(digest: Uint8Array | null): string | null {
  return digest === null ? null : Buffer.from(digest).toString('hex');
}

// Queries may hold signatures.
function shortUrl(url: string): string {
  const parsed = URL.parse(url);
  return (parsed === null ? url : `${parsed.origin}${parsed.pathname}`).slice(0, 200);
}
