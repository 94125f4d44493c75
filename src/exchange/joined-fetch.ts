import type { Cache } from '../cache/cache.ts';
import { type Descriptor, descriptorId } from '../content/descriptor.ts';
import type { Clock, Timer } from '../core/clock.ts';
import type { NodeId } from '../core/ids.ts';
import type { Source } from '../core/source.ts';
import type { Identity } from '../peer/identity.ts';
import type { SwarmPatience } from '../plan/swarm/followers.ts';
import { PartPieces } from '../serve/pieces/part-pieces.ts';
import type { PartFile } from '../transfer/part-file.ts';
import type { Note } from '../transfer/trace.ts';
import { anchoredDescriptor } from './bad-piece.ts';
import { ExchangeFetch } from './exchange-fetch.ts';
import { CachedPieces, type HeldRecord } from './held-record.ts';
import type { Participant } from './participant.ts';
import type { ExchangeSide } from './side.ts';
import type { Holder } from './stand-ins.ts';
import type { WorkListener } from './work-context.ts';

/** What a fetch brings along when it joins. */
export interface JoinRequest {
  /** Holds the whole file, from its first byte. */
  readonly part: PartFile;
  readonly origin: Source;
  readonly note: Note;
  readonly listener: WorkListener;
  /** How often the origin may fail in a row without a new byte. */
  readonly originRetries: number;
  /** How long the origin is left to others. */
  readonly patience: SwarmPatience;
}

/** What a joined fetch works with. */
export interface JoinedFetchDeps {
  readonly participant: Participant;
  readonly identity: Identity;
  readonly cache: Pick<Cache, 'open'>;
  readonly clock: Clock;
  readonly side: () => ExchangeSide | null;
}

/** A file that completes itself is in the cache after this time; if not, others need not wait for it any longer. */
const SHARED_WITHIN_MS = 60_000;

/**
 * A file that is fetched together with neighbours: {@link run}, then either {@link accepted} when the whole file was found
 * right, or {@link leave}. What can be proven piece by piece is given from the first piece on; all else only once it is
 * {@link shared}, which is the verdict that BITS asks for.
 */
export class JoinedFetch {
  readonly #deps: JoinedFetchDeps;
  readonly #request: JoinRequest;
  readonly #fetch: ExchangeFetch;
  readonly #holders = new Set<string>();
  #pieces: PartPieces | null = null;
  #isAccepted = false;
  #timer: Timer | null = null;

  constructor(deps: JoinedFetchDeps, request: JoinRequest) {
    this.#deps = deps;
    this.#request = request;
    const { participant, clock, side } = deps;
    const { part, origin, note, listener, originRetries } = request;
    this.#fetch = new ExchangeFetch({ participant, part, origin, side, clock, note, listener }, { originRetries });
    // Nobody fetches before it is known whether somebody has the file already.
    participant.swarm.forbidOrigin(true);
    participant.onEnd(() => {
      this.#timer?.cancel();
      void this.#pieces?.close();
    });
  }

  /** Whether the whole file was found right. */
  get isAccepted(): boolean {
    return this.#isAccepted;
  }

  /** Bytes that each neighbour gave. */
  get givers(): ReadonlyMap<NodeId, number> {
    return this.#fetch.givers;
  }

  /** Bytes that neighbours were given so far. */
  get givenBytes(): number {
    return this.#deps.participant.givenBytes;
  }

  /** Whether any neighbour took part so far. */
  get hasMet(): boolean {
    return this.#deps.participant.hasMet;
  }

  /** From now on the origin may be asked, when it is this node's turn. */
  allowOrigin(): void {
    if (this.#fetch.isRefused) return;
    this.#deps.participant.swarm.forbidOrigin(false);
    this.#deps.participant.touch();
  }

  /** Whether a neighbour is said to have begun with the same file just now, and will speak before the origin is asked. */
  isAwaited(nodeId: NodeId): boolean {
    const { participant, clock } = this.#deps;
    return participant.swarm.isNewFellow(nodeId, clock.monotonicMs());
  }

  /** Whether a neighbour has said what it has of this file. */
  hasHeard(nodeId: NodeId): boolean {
    return this.#deps.participant.swarm.partners.includes(nodeId);
  }

  /** Whether a search found somebody who has the whole file. */
  get knowsHolder(): boolean {
    return this.#holders.size > 0;
  }

  /** Whether somebody that a search found to have the whole file has answered since. */
  get hasHolder(): boolean {
    return this.#deps.participant.swarm.partners.some((id) => this.#holders.has(id));
  }

  /** A search found somebody who has the whole file. */
  foundHolder(holder: Holder): void {
    this.#holders.add(holder.nodeId);
    this.#fetch.foundHolder(holder);
    this.#deps.participant.interested(holder.nodeId, 0);
    this.#deps.participant.touch();
  }

  /**
   * Fetches until every piece is there.
   * @throws NearbitsError the reason why that cannot be, or the reason of the signal; what came is kept in the part file.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { participant } = this.#deps;
    const anchored = anchoredDescriptor(participant.content);
    if (anchored !== null) await this.#give(anchored);
    await this.#fetch.run(signal);
    // From now on others wait for no bytes, but until the whole is looked at.
    participant.awaitsVerdict = anchored === null;
  }

  /** The whole file was found right. */
  async accepted(): Promise<void> {
    const { participant, clock } = this.#deps;
    this.#isAccepted = true;
    try {
      await this.#pieces?.finished();
    } catch {
      // What cannot be given is nothing against the file.
      return this.leave();
    }
    if (participant.content.anchored !== null) return participant.rest();
    this.#timer = clock.after(SHARED_WITHIN_MS, () => this.leave());
  }

  /** The file is in the cache, for everybody: it stays available until nobody nearby wants it. */
  shared(held: HeldRecord): void {
    const { participant, clock, identity, cache } = this.#deps;
    const { content, swarm } = participant;
    this.#timer?.cancel();
    // The pieces of an anchor may be cut otherwise than those of the cache: then they stay those of the file itself.
    if (held.descriptor.pieceSize === content.pieceSize) {
      const signer = content.anchored === null ? identity : null;
      participant.pieces = new CachedPieces(cache, held, signer, () => participant.end());
      void this.#pieces?.close();
    }
    swarm.originEnded(clock.monotonicMs());
    swarm.validated();
    participant.rest();
  }

  /** Ends this node's part in it: the fetch failed, was paused, or the file is not what it should be. Idempotent. */
  leave(): void {
    this.#deps.participant.end();
  }

  async #give(descriptor: Descriptor): Promise<void> {
    const { participant } = this.#deps;
    const { size, pieceSize, pieces } = descriptor;
    this.#pieces = await PartPieces.open(this.#request.part.path, {
      descriptorId: descriptorId(descriptor),
      size,
      pieceSize,
      hashes: pieces ?? [],
      have: participant.swarm.have,
    });
    // It was left meanwhile.
    if (participant.isEnded) await this.#pieces.close();
    participant.pieces = this.#pieces;
  }
}
