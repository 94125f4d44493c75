import { setNewest } from '../../core/set-newest.ts';
import type { Identity } from '../../peer/identity.ts';
import { joinReceipts, printReceipt } from '../../peer/piece-questions.ts';
import { signPieceReceipt } from '../../peer/protocol/receipt-codec.ts';
import type { PieceRun } from '../../plan/swarm/piece-set.ts';
import type { SharedPieces } from './shared-pieces.ts';

/** Contents whose receipts are kept: 8 x 8,192 pieces x some 250 bytes are 16 MiB at the very most. */
const MAX_CONTENTS = 8;

/**
 * Signs receipts for pieces, each once: a signature takes some 50 microseconds, and the same piece is given to
 * many. As text, which is how they travel and what takes the least memory.
 */
export class ReceiptBook {
  readonly #identity: Identity;
  // By descriptor id, the one used longest ago first.
  readonly #contents = new Map<string, Map<number, string>>();

  constructor(deps: { readonly identity: Identity }) {
    this.#identity = deps.identity;
  }

  /** The header with the receipts for pieces that can all be given. */
  receiptsFor(pieces: SharedPieces, { first, end }: PieceRun): string {
    const known = this.#open(pieces.descriptorId);
    const receipts: string[] = [];
    for (let piece = first; piece < end; piece++) {
      const receipt = known.get(piece) ?? this.#sign(pieces, piece);
      known.set(piece, receipt);
      receipts.push(receipt);
    }
    return joinReceipts(receipts);
  }

  #open(descriptorId: Uint8Array): Map<number, string> {
    const key = Buffer.from(descriptorId).toString('hex');
    const known = this.#contents.get(key) ?? new Map<number, string>();
    setNewest(this.#contents, key, known, MAX_CONTENTS);
    return known;
  }

  #sign(pieces: SharedPieces, pieceIndex: number): string {
    const { descriptorId } = pieces;
    const sha256 = pieces.hashOf(pieceIndex) as Uint8Array; // looked at before, in the same turn
    return printReceipt(signPieceReceipt({ descriptorId, pieceIndex, sha256 }, this.#identity));
  }
}
