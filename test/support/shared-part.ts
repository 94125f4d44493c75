import { createHash } from 'node:crypto';
import { type FileHandle, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Descriptor, descriptorId } from '../../src/content/descriptor.ts';
import { type ContentId, parseContentId } from '../../src/core/ids.ts';
import { PieceSet } from '../../src/plan/swarm/piece-set.ts';
import { PartPieces, type PartPiecesOptions } from '../../src/serve/pieces/part-pieces.ts';
import type { PieceShelf, SharedPieces } from '../../src/serve/pieces/shared-pieces.ts';

/** The pieces of these bytes as somebody anchored them. */
export function anchoredPieces(bytes: Buffer, pieceSize: number): Descriptor & { readonly pieces: Uint8Array[] } {
  const pieces: Uint8Array[] = [];
  for (let start = 0; start < bytes.length; start += pieceSize) {
    pieces.push(
      createHash('sha256')
        .update(bytes.subarray(start, start + pieceSize))
        .digest(),
    );
  }
  return { size: bytes.length, pieceSize, pieces, sha256: null, anchor: { kind: 'metalink', url: 'http://m.test/' } };
}

/** A file on disk whose pieces are given while it is being written. */
export class SharedPart implements AsyncDisposable {
  readonly bytes: Buffer;
  readonly descriptor: Descriptor & { readonly pieces: Uint8Array[] };
  readonly contentId: ContentId;
  /** The pieces that are there; tests may change it. */
  readonly have: PieceSet;
  readonly pieces: PartPieces;
  readonly #file: FileHandle;

  private constructor(
    bytes: Buffer,
    descriptor: SharedPart['descriptor'],
    have: PieceSet,
    pieces: PartPieces,
    file: FileHandle,
  ) {
    this.bytes = bytes;
    this.descriptor = descriptor;
    this.have = have;
    this.pieces = pieces;
    this.#file = file;
    this.contentId = parseContentId(Buffer.from(pieces.descriptorId).toString('hex'));
  }

  /** Writes the bytes into a file of `dir` and offers all of its pieces. */
  static async create(
    dir: string,
    bytes: Buffer,
    pieceSize: number,
    options: Pick<PartPiecesOptions, 'onDamage' | 'signedDescriptor'> = {},
  ): Promise<SharedPart> {
    const descriptor = anchoredPieces(bytes, pieceSize);
    const path = join(dir, `${crypto.randomUUID()}.part`);
    await writeFile(path, bytes);
    const { size, pieces: hashes } = descriptor;
    const have = PieceSet.of(hashes.length, [{ first: 0, end: hashes.length }]);
    const offered = { descriptorId: descriptorId(descriptor), size, pieceSize, hashes, have, ...options };
    const pieces = await PartPieces.open(path, offered);
    return new SharedPart(bytes, descriptor, have, pieces, await open(path, 'r+'));
  }

  /** Turns one bit of the file. */
  async damage(at: number): Promise<void> {
    await this.#file.write(Buffer.of((this.bytes[at] as number) ^ 1), 0, 1, at);
  }

  /** Writes the right bytes again. */
  async repair(): Promise<void> {
    await this.#file.write(this.bytes, 0, this.bytes.length, 0);
  }

  /** Cuts the file off. */
  async truncate(size: number): Promise<void> {
    await this.#file.truncate(size);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pieces.close();
    await this.#file.close();
  }
}

/** A shelf with what a test puts on it. */
export class TestShelf implements PieceShelf {
  readonly contents = new Map<ContentId, SharedPieces>();
  readonly givenBytes = new Map<ContentId, number>();
  readonly refusals: { readonly contentId: ContentId | null; readonly status: number }[] = [];
  /** Called with the bytes of each answer that ended. */
  onGiven: (bytes: number) => void = () => {};
  /** How often somebody wanted something of a content. */
  asked = 0;
  isUserBusy = false;

  /** Puts what can be given of a file on the shelf. */
  put({ contentId, pieces }: SharedPart): void {
    this.contents.set(contentId, pieces);
  }

  find(contentId: ContentId): SharedPieces | null {
    this.asked++;
    return this.contents.get(contentId) ?? null;
  }

  isUserBusyElsewhere(): boolean {
    return this.isUserBusy;
  }

  given(contentId: ContentId, bytes: number): void {
    this.givenBytes.set(contentId, (this.givenBytes.get(contentId) ?? 0) + bytes);
    this.onGiven(bytes);
  }

  refused(contentId: ContentId | null, status: number): void {
    this.refusals.push({ contentId, status });
  }
}
