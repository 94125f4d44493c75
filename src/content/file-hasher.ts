import { createHash, type Hash } from 'node:crypto';
import { NearbitsError } from '../core/errors.ts';
import { checkGrid, pieceCount } from './descriptor.ts';

/** The digests of a file. */
export interface FileDigests {
  readonly sha256: Uint8Array;
  readonly pieces: readonly Uint8Array[];
}

/** Computes the digest of a file and of its pieces, in one pass over bytes that come in order. */
export class FileHasher {
  readonly #size: number;
  readonly #pieceSize: number;
  readonly #whole = createHash('sha256');
  readonly #pieces: Uint8Array[] = [];
  #piece: Hash | null = null;
  #offset = 0;

  /** @throws NearbitsError E_INVALID_ARGUMENT for a size and piece size that no descriptor may have. */
  constructor(options: { readonly size: number; readonly pieceSize: number }) {
    checkGrid(options.size, options.pieceSize);
    this.#size = options.size;
    this.#pieceSize = options.pieceSize;
  }

  /** Bytes so far. */
  get offset(): number {
    return this.#offset;
  }

  /** Takes the next bytes; they may be reused afterwards. @throws NearbitsError E_IO beyond the size. */
  update(chunk: Uint8Array): void {
    if (this.#offset + chunk.length > this.#size) throw changed();
    this.#whole.update(chunk);
    for (let start = 0; start < chunk.length; ) {
      const room = this.#pieceSize - (this.#offset % this.#pieceSize);
      const part = chunk.subarray(start, start + room);
      this.#piece ??= createHash('sha256');
      this.#piece.update(part);
      this.#offset += part.length;
      start += part.length;
      if (part.length === room) this.#endPiece();
    }
  }

  /** The digests, once all bytes came. @throws NearbitsError E_IO when some are missing. */
  end(): FileDigests {
    this.#endPiece();
    if (this.#offset !== this.#size || this.#pieces.length !== pieceCount(this.#size, this.#pieceSize)) throw changed();
    return { sha256: this.#whole.digest(), pieces: this.#pieces };
  }

  #endPiece(): void {
    if (this.#piece !== null) this.#pieces.push(this.#piece.digest());
    this.#piece = null;
  }
}

function changed(): NearbitsError {
  return new NearbitsError('E_IO', 'the file changed while it was read', {
    hint: 'Try again when nobody writes to it.',
  });
}
