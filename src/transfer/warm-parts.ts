import type { FileIdentity } from '../core/file-identity.ts';
import { setNewest } from '../core/set-newest.ts';
import type { PartTarget } from './part-target.ts';
import type { PieceBook } from './piece-book.ts';

/** A paused part file: what was proven of it, and how the file looked when it was closed. */
export interface WarmPart {
  readonly target: PartTarget;
  readonly direct: boolean;
  readonly identity: FileIdentity;
  readonly book: PieceBook;
}

/** More files than this are not kept: a book takes up to 1 MiB. */
const MAX_WARM_PARTS = 64;

/**
 * Paused part files by their destination, so that a job that waits for its next time slice does not hash again what it
 * has. The ones that were paused longest ago are forgotten first; forgetting costs time, never bytes.
 */
export class WarmParts {
  readonly #parts = new Map<string, WarmPart>();

  /** How many are kept, 0 to 64. */
  get size(): number {
    return this.#parts.size;
  }

  /** Keeps what `PartFile.suspend` returned, in place of an older one for the same destination. */
  keep(destination: string, part: WarmPart): void {
    setNewest(this.#parts, destination, part, MAX_WARM_PARTS);
  }

  /** Hands out and forgets what is kept for a destination, or null; call it also when the file is given up. */
  take(destination: string): WarmPart | null {
    const part = this.#parts.get(destination) ?? null;
    this.#parts.delete(destination);
    return part;
  }
}
