import type { Piece } from '../core/pieces.ts';
import type { ShareVerdict } from '../origin/share.ts';
import type { Wish } from './wish.ts';

/** What a finished transfer can share; null when the origin could not name a version. */
export interface Delivered {
  readonly wish: Wish | null;
  readonly pieces: readonly Piece[];
  readonly pieceSize: number;
  readonly sha256: string | null;
  readonly share: ShareVerdict;
}
