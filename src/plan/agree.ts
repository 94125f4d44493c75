import type { FileVersion } from '../core/file-version.ts';
import { sameVersion } from '../core/file-version.ts';
import { type Piece, piecesTouching } from '../core/pieces.ts';
import type { RangeSet } from '../core/range-set.ts';

/** A record that a peer says it holds. */
export interface OfferedRecord {
  readonly version: FileVersion;
  readonly pieceSize: number;
  readonly pieces: readonly Piece[];
}

/** What is wanted of which version. */
export interface Wanted {
  readonly version: FileVersion;
  readonly pieceSize: number;
  readonly ranges: RangeSet;
}

/** Why an offered record is not used. */
export type Refusal = 'other-version' | 'other-piece-size' | 'nothing-wanted' | 'other-hashes';

/**
 * Keeps which hash each piece has according to the first authenticated holder.
 * Without an anchor nobody can say which of two different lists is right, so
 * the first one counts and a holder that contradicts it is not used.
 */
export class Agreement {
  readonly #known = new Map<string, Uint8Array>();

  /** The pieces of the record that may be used, or why none may. */
  consider(record: OfferedRecord, wanted: Wanted): readonly Piece[] | Refusal {
    if (!sameVersion(record.version, wanted.version)) return 'other-version';
    if (record.pieceSize !== wanted.pieceSize) return 'other-piece-size';
    const useful = piecesTouching(record.pieces, wanted.ranges);
    if (useful.length === 0) return 'nothing-wanted';
    if (useful.some((piece) => this.#contradicts(piece))) return 'other-hashes';
    for (const piece of useful) this.#known.set(key(piece), piece.hash);
    return useful;
  }

  #contradicts(piece: Piece): boolean {
    const known = this.#known.get(key(piece));
    return known !== undefined && !Buffer.from(known).equals(piece.hash);
  }
}

function key(piece: Piece): string {
  return `${piece.start}-${piece.end}`;
}
