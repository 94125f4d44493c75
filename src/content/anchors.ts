import { NearbitsError } from '../core/errors.ts';
import { pieceSizeFor } from '../core/pieces.ts';
import {
  type Anchor,
  type AnchorKind,
  checkDescriptor,
  compareDescriptors,
  type Descriptor,
  isGiven,
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
  'job-metalink': 1,
  'url-digest': 2,
  'repr-digest': 3,
  metalink: 4,
  holder: 5,
};

/**
 * Makes one descriptor of everything that was found about a file of `size` bytes, or null when nothing was. What was given
 * with the job wins: what does not say the same is set aside, and whether the file is right shows when it is complete. A
 * holder counts only where nobody else speaks, and the first one only. What speaks of another size speaks of another
 * version, and is set aside too.
 * Pieces come from the strongest that knows them; the anchor is the strongest of all.
 * @throws NearbitsError E_VALIDATION_FAILED when two that the job gave, or two others, contradict each other; its message
 * names both.
 */
export function chooseAnchor(size: number, claims: readonly Claim[]): Descriptor | null {
  const found = claims
    .filter((claim) => speaksOf(size, claim))
    .toSorted((a, b) => RANK[a.anchor.kind] - RANK[b.anchor.kind])
    .map((claim) => describe(size, claim));
  const given = found.filter(({ anchor }) => isGiven(anchor));
  refuseContradiction(given);
  if (given.length > 0) return join(confirmed(given, found));
  const counting = found.filter(({ anchor }, index) => index === 0 || anchor.kind !== 'holder');
  refuseContradiction(counting);
  return counting.length === 0 ? null : join(counting);
}

// Beside what was given counts what names the same content; nothing of it where that is not of one mind.
function confirmed(given: readonly Descriptor[], found: readonly Descriptor[]): readonly Descriptor[] {
  const others = found.filter(
    (other) =>
      !isGiven(other.anchor) &&
      other.anchor.kind !== 'holder' &&
      given.some((one) => compareDescriptors(one, other) === 'same'),
  );
  const all = [...given, ...others];
  return findContradiction(all) === null ? all : given;
}

function join(agreeing: readonly Descriptor[]): Descriptor {
  const strongest = agreeing[0] as Descriptor;
  const sha256 = agreeing.find((descriptor) => descriptor.sha256 !== null)?.sha256 ?? null;
  const list = agreeing.find(({ pieces }) => pieces !== null);
  const { pieceSize, pieces } = list ?? strongest;
  return { size: strongest.size, pieceSize, pieces, sha256, anchor: strongest.anchor };
}

/** An anchor in words, for people. */
export function printAnchor(anchor: Anchor): string {
  switch (anchor.kind) {
    case 'job-digest':
      return 'the digest that was asked for';
    case 'job-metalink':
      return `the Metalink document that was given${anchor.url === null ? '' : `, ${shortUrl(anchor.url)}`}`;
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

function findContradiction(descriptors: readonly Descriptor[]): [Descriptor, Descriptor] | null {
  for (const [index, one] of descriptors.entries()) {
    const other = descriptors.slice(index + 1).find((later) => compareDescriptors(one, later) === 'different');
    if (other !== undefined) return [one, other];
  }
  return null;
}

function refuseContradiction(descriptors: readonly Descriptor[]): void {
  const clash = findContradiction(descriptors);
  if (clash === null) return;
  const [one, other] = clash;
  const message = `${printAnchor(one.anchor)} and ${printAnchor(other.anchor)} contradict each other`;
  throw new NearbitsError('E_VALIDATION_FAILED', message, {
    details: { anchors: [one, other].map(({ anchor, sha256 }) => ({ ...anchor, sha256: hex(sha256) })) },
    hint: isGiven(other.anchor)
      ? 'Give only the one that is right.'
      : 'Tell whoever runs the origin. A job with the right digest is not bound by either of them.',
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
