import type { RecordId } from '../core/ids.ts';
import type { Piece } from '../core/pieces.ts';

/** Pieces that are kept in all: two lists of the longest kind, some 4 MiB. */
const MAX_PIECES_KEPT = 16_384;

/**
 * The piece lists of the records that were opened last. Neighbours open the same record again and again for a few pieces
 * each; to read its list takes longer than to read such a piece.
 */
export class PieceLists {
  readonly #lists = new Map<RecordId, readonly Piece[]>();
  #pieces = 0;

  /** The list of a record, or undefined. */
  get(id: RecordId): readonly Piece[] | undefined {
    const list = this.#lists.get(id);
    if (list !== undefined) this.keep(id, list);
    return list;
  }

  /** Keeps a list and lets go of those used longest ago. A record never gets another list. */
  keep(id: RecordId, pieces: readonly Piece[]): void {
    this.#drop(id);
    this.#lists.set(id, pieces);
    this.#pieces += pieces.length;
    for (const oldest of this.#lists.keys()) {
      if (this.#pieces <= MAX_PIECES_KEPT) return;
      this.#drop(oldest);
    }
  }

  #drop(id: RecordId): void {
    this.#pieces -= this.#lists.get(id)?.length ?? 0;
    this.#lists.delete(id);
  }
}
