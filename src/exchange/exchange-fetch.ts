import type { ByteRange } from '../core/byte-range.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { NearbitsError } from '../core/errors.ts';
import type { NodeId } from '../core/ids.ts';
import type { Source, SourceKind } from '../core/source.ts';
import type { SwarmPeer } from '../peer/swarm/swarm-port.ts';
import type { PieceRequest } from '../plan/swarm/next-requests.ts';
import type { Claim } from '../plan/swarm/next-run.ts';
import type { FetchTarget } from '../transfer/active-source.ts';
import type { PartFile } from '../transfer/part-file.ts';
import type { Note } from '../transfer/trace.ts';
import { NeighbourWork } from './neighbour-work.ts';
import { OriginWork } from './origin-work.ts';
import type { Participant, Worker } from './participant.ts';
import { PieceList } from './piece-list.ts';
import { presentPieces } from './present-pieces.ts';
import type { ExchangeSide } from './side.ts';
import type { Holder } from './stand-ins.ts';
import type { WorkContext, WorkListener } from './work-context.ts';

/** What one fetch works with. */
export interface ExchangeFetchDeps {
  readonly participant: Participant;
  /** Holds the whole file, from its first byte. */
  readonly part: PartFile;
  readonly origin: Source;
  readonly side: () => ExchangeSide | null;
  readonly clock: Clock;
  readonly note: Note;
  readonly listener: WorkListener;
}

/** How patient a fetch is. */
export interface ExchangeFetchOptions {
  /** How often the origin may fail in a row without a new byte. */
  readonly originRetries: number;
}

/** When the origin refuses this node, it waits this long for what others fetch. */
const OTHERS_HELP_MS = 30_000;
const LOOK_EVERY_MS = 1_000;

/** Fetches one file together with the neighbours that want it too, until its part file is complete. */
export class ExchangeFetch implements Worker {
  readonly #deps: ExchangeFetchDeps;
  readonly #stop = new AbortController();
  readonly #done = Promise.withResolvers<void>();
  readonly #context: WorkContext;
  readonly #origin: OriginWork;
  readonly #neighbours: NeighbourWork;
  readonly list: PieceList;
  #gainedMs: number;
  #watch: Timer | null = null;
  /** Who was seen last to fetch the whole file for all. */
  #awaited: string | null = null;

  constructor(deps: ExchangeFetchDeps, { originRetries }: ExchangeFetchOptions) {
    this.#deps = deps;
    const { participant, part, clock, note, side } = deps;
    this.list = new PieceList({ clock }, participant.content);
    this.#gainedMs = clock.monotonicMs();
    this.#done.promise.catch(() => undefined); // whoever runs hears of it
    participant.onEnd(() => this.#done.reject(new NearbitsError('E_CANCELLED', 'this node has left the content')));
    this.#context = {
      content: participant.content,
      participant,
      swarm: participant.swarm,
      list: this.list,
      part,
      clock,
      note,
      side,
      originRetries,
      signal: this.#stop.signal,
      target: (kind, onPiece) => this.#target(kind, onPiece),
      fail: (error) => this.#fail(error),
    };
    this.#origin = new OriginWork(this.#context, deps.origin);
    this.#neighbours = new NeighbourWork(this.#context);
  }

  get originPosition(): number | null {
    return this.#origin.position;
  }

  /** Whether the origin does not serve this node. */
  get isRefused(): boolean {
    return this.#origin.refusal !== null;
  }

  /** Bytes that each neighbour gave. */
  get givers(): ReadonlyMap<NodeId, number> {
    const all = new Map(this.#neighbours.givers);
    for (const [nodeId, bytes] of this.#origin.standIns.givers) all.set(nodeId, (all.get(nodeId) ?? 0) + bytes);
    return all;
  }

  /** A search found somebody who has the whole file: should it take no part in this, it is asked before the origin. */
  foundHolder(holder: Holder): void {
    this.#origin.standIns.add(holder);
  }

  /**
   * Runs until every piece is there.
   * @throws NearbitsError the reason why that cannot be, or the reason of the signal; what came is kept in the part file.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { participant, clock, part } = this.#deps;
    const aborted = () => this.#done.reject(signal.reason);
    signal.addEventListener('abort', aborted, { once: true });
    try {
      signal.throwIfAborted();
      participant.swarm.gained(
        await presentPieces(part, this.list, participant.content, signal),
        false,
        clock.monotonicMs(),
      );
      this.#lookIfDone();
      participant.begin(this);
      this.#watchOthers();
      await this.#done.promise;
    } finally {
      signal.removeEventListener('abort', aborted);
      this.#watch?.cancel();
      this.#stop.abort();
      await Promise.all([this.#origin.settled(), this.#neighbours.settled()]);
      // A request that was broken off because all is here would look like one that stalls, and be gone on with.
      if (this.list.isAnchored) participant.swarm.originEnded(clock.monotonicMs());
    }
  }

  fetchFromOrigin(run: Claim): void {
    if (!this.#stop.signal.aborted) this.#origin.fetch(run);
  }

  stopOrigin(): void {
    this.#deps.note(
      'SWARM_YIELDED',
      'another neighbour fetches the same bytes, so this node does not ask the origin for them',
    );
    this.#origin.stop();
  }

  ask(request: PieceRequest, from: SwarmPeer): void {
    if (!this.#stop.signal.aborted) this.#neighbours.ask(request, from);
  }

  banned(nodeId: NodeId): void {
    const text = `${nodeId} is not asked for this file: another neighbour showed its signature under wrong bytes`;
    this.#deps.note('PEER_BANNED', text, { peer: nodeId, proven: true });
  }

  #target(kind: SourceKind, onPiece: (piece: number) => void): FetchTarget {
    const { part, clock, listener, participant } = this.#deps;
    const { pieceSize } = participant.content;
    const onProven = (range: ByteRange) => {
      this.#gainedMs = clock.monotonicMs();
      listener.onProven(range);
      onPiece(Math.floor(range.start / pieceSize));
      this.#lookIfDone();
    };
    return { part, clock, isShared: true, onBytes: (bytes) => listener.onBytes(kind, bytes), onProven };
  }

  // At once, so that nothing more is begun.
  #fail(error: unknown): void {
    this.#done.reject(error);
    this.#stop.abort();
  }

  #lookIfDone(): void {
    if (this.#deps.part.isComplete) this.#done.resolve();
  }

  // Whom the origin refuses lives on what others fetch; when that ends, its own failure is the reason.
  #watchOthers(): void {
    const { clock, participant } = this.#deps;
    this.#watch = clock.after(LOOK_EVERY_MS, () => {
      const { refusal } = this.#origin;
      const isAlone = participant.swarm.partners.length === 0;
      const waitedMs = clock.monotonicMs() - this.#gainedMs;
      if (refusal !== null && (isAlone || waitedMs > OTHERS_HELP_MS)) this.#done.reject(refusal);
      else this.#watchOthers();
      this.#noteWait();
    });
  }

  // Where only the whole can be proven, one node fetches it and nothing else happens here for as long as that takes.
  #noteWait(): void {
    const { clock, note, participant } = this.#deps;
    if (this.list.isAnchored || this.#neighbours.givers.size > 0) return;
    const nowMs = clock.monotonicMs();
    const isOwner = (id: string) => participant.swarm.leaseOf(id, nowMs) !== null;
    const owner = this.#origin.position === null ? (participant.swarm.partners.find(isOwner) ?? null) : null;
    if (owner !== null && owner !== this.#awaited)
      note('SWARM_WAITING', `waiting for ${owner}, which fetches the file from the origin`, { peer: owner });
    this.#awaited = owner ?? this.#awaited;
  }
}
