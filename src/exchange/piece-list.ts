import type { Descriptor } from '../content/descriptor.ts';
import type { Clock } from '../core/clock.ts';
import { NearbitsError } from '../core/errors.ts';
import type { NodeId } from '../core/ids.ts';
import type { Piece } from '../core/pieces.ts';
import { Deadline, stepError } from '../peer/deadline.ts';
import { verifySignedDescriptor } from '../peer/protocol/descriptor-codec.ts';
import type { SwarmPeer } from '../peer/swarm/swarm-port.ts';
import { anchoredDescriptor } from './bad-piece.ts';
import { bytesOf, type ExchangeContent } from './content.ts';
import type { ExchangeSide } from './side.ts';
import type { Holder } from './stand-ins.ts';

/** All requests wait for the first descriptor, of at most 272 KiB: whoever takes longer is not waited for. */
const DESCRIPTOR_MS = 10_000;

/**
 * What the pieces of a content have to be. With an anchor that is known from the start. Without one the first holder
 * that is asked says it, and its word counts as that of any holder does; whoever contradicts it is not asked.
 */
export class PieceList {
  readonly isAnchored: boolean;
  readonly #clock: Clock;
  readonly #content: ExchangeContent;
  #descriptor: Descriptor | null;
  #pieces: readonly Piece[] | null = null;
  #asking: Promise<unknown> | null = null;

  constructor(deps: { readonly clock: Clock }, content: ExchangeContent) {
    this.#clock = deps.clock;
    this.#content = content;
    this.#descriptor = anchoredDescriptor(content);
    this.isAnchored = this.#descriptor !== null;
  }

  /** The descriptor that counts; null while nobody has named one. */
  get descriptor(): Descriptor | null {
    return this.#descriptor;
  }

  /** The pieces with their places, once they are known. */
  get pieces(): readonly Piece[] | null {
    const hashes = this.#descriptor?.pieces ?? null;
    if (hashes === null) return null;
    this.#pieces ??= hashes.map((hash, first) => ({ ...bytesOf({ first, end: first + 1 }, this.#content), hash }));
    return this.#pieces;
  }

  /** Whether a holder of the file names all its pieces, cut as here. */
  fits({ pieceSize, pieces }: Pick<Holder, 'pieceSize' | 'pieces'>): boolean {
    const { version, pieceSize: own } = this.#content;
    return pieceSize === own && pieces.length === Math.ceil(version.size / own);
  }

  /** Takes the word of a holder that {@link fits}, where nobody has named the pieces before. */
  adopt({ pieceSize, pieces }: Pick<Holder, 'pieceSize' | 'pieces'>): void {
    const { version, url } = this.#content;
    const hashes = pieces.map(({ hash }) => hash);
    this.#descriptor ??= {
      size: version.size,
      pieceSize,
      pieces: hashes,
      sha256: null,
      anchor: { kind: 'metalink', url },
    };
  }

  /**
   * Makes sure that the pieces are known, by asking this holder where they are not.
   * @throws NearbitsError with an E_PEER_ code when the holder cannot say it.
   */
  async learn(from: SwarmPeer, side: ExchangeSide, signal: AbortSignal): Promise<void> {
    while (this.#descriptor === null) {
      // Why another holder could not say it is nothing against this one.
      if (this.#asking !== null) await this.#asking.catch(() => undefined);
      else await this.#ask(from, side, signal);
    }
  }

  async #ask(from: SwarmPeer, side: ExchangeSide, signal: AbortSignal): Promise<void> {
    const deadline = new Deadline({ clock: this.#clock }, 'a descriptor', DESCRIPTOR_MS, signal);
    const asking = side.fetchDescriptor(from, this.#content.id, deadline.signal);
    this.#asking = asking;
    try {
      const described = fitting(await asking, from.nodeId, this.#content);
      this.#descriptor ??= described;
    } catch (error) {
      throw stepError(error, deadline.signal, 'E_PEER_PROTOCOL');
    } finally {
      deadline.clear();
      this.#asking = null;
    }
  }
}

function fitting(bytes: Uint8Array, from: NodeId, { version, pieceSize }: ExchangeContent): Descriptor {
  const { descriptor } = verifySignedDescriptor(bytes, from);
  const fits = descriptor.size === version.size && descriptor.pieceSize === pieceSize && descriptor.pieces !== null;
  if (!fits) throw new NearbitsError('E_PEER_PROTOCOL', 'the peer broke the protocol: a descriptor of another file');
  return descriptor;
}
