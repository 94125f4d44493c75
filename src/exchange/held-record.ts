import type { Cache } from '../cache/cache.ts';
import type { CacheRecord } from '../cache/record.ts';
import { type Descriptor, descriptorId } from '../content/descriptor.ts';
import type { ByteRange } from '../core/byte-range.ts';
import { NearbitsError } from '../core/errors.ts';
import type { ContentId } from '../core/ids.ts';
import type { Piece } from '../core/pieces.ts';
import type { ByteSink } from '../core/source.ts';
import type { Identity } from '../peer/identity.ts';
import { signDescriptor } from '../peer/protocol/descriptor-codec.ts';
import type { SharedPieces } from '../serve/pieces/shared-pieces.ts';
import { type ExchangeContent, idByPieces, idByVersion } from './content.ts';

/** A whole file of the cache, as those know it who fetch it together. */
export interface HeldRecord {
  readonly record: CacheRecord;
  readonly descriptor: Descriptor;
}

/** The record with its pieces; null when it is not a whole file. */
export function heldRecord(record: CacheRecord, pieces: readonly Piece[]): HeldRecord | null {
  const { version, pieceSize, sha256 } = record;
  if (version.size === 0 || !record.ranges.covers({ start: 0, end: version.size })) return null;
  if (pieces.length !== Math.ceil(version.size / pieceSize)) return null;
  const descriptor: Descriptor = {
    size: version.size,
    pieceSize,
    pieces: pieces.map(({ hash }) => hash),
    sha256: sha256 === null ? null : Buffer.from(sha256, 'hex'),
    // What vouched for it is not kept: to others it is the word of this node anyway.
    anchor: { kind: 'metalink', url: record.url },
  };
  return { record, descriptor };
}

/** The contents that a held record stands for: by URL and version, and by its pieces. */
export function contentsOf({ record, descriptor }: HeldRecord): ExchangeContent[] {
  const { url, version, pieceSize } = record;
  const base = { url, version, pieceSize };
  const byPieces = { ...base, id: idByPieces(descriptor), anchored: descriptor.pieces };
  return [{ ...base, id: idByVersion(url, version), anchored: null }, byPieces];
}

const GONE: ReadonlySet<string> = new Set(['E_NOT_FOUND', 'E_CACHE_DAMAGED']);

/** Gives the pieces of a whole file of the cache, which checks each before it leaves. */
export class CachedPieces implements SharedPieces {
  readonly descriptorId: Uint8Array;
  readonly size: number;
  readonly pieceSize: number;
  readonly #cache: Pick<Cache, 'open'>;
  readonly #held: HeldRecord;
  readonly #signed: () => Uint8Array | null;
  readonly #onGone: () => void;

  /**
   * `identity` signs the descriptor for those that know no pieces; null where they are known by their pieces. `onGone` is
   * called when the record turns out to be removed or damaged, so that nothing can be given any more.
   */
  constructor(cache: Pick<Cache, 'open'>, held: HeldRecord, identity: Identity | null, onGone: () => void) {
    const { descriptor, record } = held;
    this.descriptorId = descriptorId(descriptor);
    this.size = descriptor.size;
    this.pieceSize = descriptor.pieceSize;
    this.#cache = cache;
    this.#held = held;
    this.#onGone = onGone;
    this.#signed = once(() =>
      identity === null ? null : signDescriptor(descriptor, record.url, record.version, identity),
    );
  }

  hashOf(piece: number): Uint8Array | null {
    return this.#held.descriptor.pieces?.[piece] ?? null;
  }

  async read(range: ByteRange, sink: ByteSink, signal: AbortSignal): Promise<void> {
    try {
      await this.#read(range, sink, signal);
    } catch (error) {
      if (error instanceof NearbitsError && GONE.has(error.code)) this.#onGone();
      throw error;
    }
  }

  signedDescriptor(): Uint8Array | null {
    return this.#signed();
  }

  async #read(range: ByteRange, sink: ByteSink, signal: AbortSignal): Promise<void> {
    await using reader = await this.#cache.open(this.#held.record.id);
    if (reader.record.state !== 'valid') throw new NearbitsError('E_NOT_FOUND', 'the record is not shared any more');
    await reader.read(range, sink, signal);
  }
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

/** Remembers which records neighbours were told of lately, so that a word about one of them finds it. */
export class HeldRecords {
  readonly #held = new Map<ContentId, { readonly held: HeldRecord; readonly content: ExchangeContent }>();
  readonly #maxEntries: number;

  constructor(options: { readonly maxEntries: number }) {
    this.#maxEntries = options.maxEntries;
  }

  /** A neighbour was told of a record. */
  told(record: CacheRecord, pieces: readonly Piece[]): void {
    const held = heldRecord(record, pieces);
    if (held === null) return;
    for (const content of contentsOf(held)) {
      this.#held.delete(content.id);
      this.#held.set(content.id, { held, content });
    }
    for (const id of this.#held.keys()) {
      if (this.#held.size <= this.#maxEntries) break;
      this.#held.delete(id);
    }
  }

  find(id: ContentId): { readonly held: HeldRecord; readonly content: ExchangeContent } | null {
    return this.#held.get(id) ?? null;
  }
}
