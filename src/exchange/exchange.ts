import type { Cache } from '../cache/cache.ts';
import type { CacheRecord } from '../cache/record.ts';
import type { Clock } from '../core/clock.ts';
import type { ContentId, NodeId } from '../core/ids.ts';
import type { Piece } from '../core/pieces.ts';
import type { Random } from '../core/random.ts';
import type { EmitEvent } from '../observe/events.ts';
import type { Identity } from '../peer/identity.ts';
import type { SwarmBody, SwarmListener, SwarmPeer } from '../peer/swarm/swarm-port.ts';
import type { SwarmPatience } from '../plan/swarm/followers.ts';
import type { PieceShelf, SharedPieces } from '../serve/pieces/shared-pieces.ts';
import type { ExchangeContent } from './content.ts';
import { type ContentView, viewOf } from './content-view.ts';
import { CachedPieces, HeldRecords, heldRecord } from './held-record.ts';
import { JoinedFetch, type JoinRequest } from './joined-fetch.ts';
import { Participant } from './participant.ts';
import type { ExchangeSide } from './side.ts';
import { Traffic } from './traffic.ts';

/** What the exchange works with. */
export interface ExchangeDeps {
  readonly identity: Identity;
  readonly cache: Pick<Cache, 'open'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: EmitEvent;
}

/** Contents that a node takes part in at a time; further ones are fetched alone. */
const MAX_CONTENTS = 32;
/** Contents of records that neighbours were told of lately; each takes up to 256 KiB for its hashes. */
const MAX_HELD = 64;

/**
 * All contents that this node fetches or gives together with its neighbours. It brings together what neighbours say, the
 * decisions, and the files: nothing here decides who fetches what.
 */
export class Exchange implements SwarmListener, PieceShelf {
  readonly #deps: ExchangeDeps;
  readonly #participants = new Map<ContentId, Participant>();
  /** Files that are, or were just, fetched together, by the path that they are for. */
  readonly #joined = new Map<string, JoinedFetch>();
  readonly #traffic: Traffic;
  readonly #held = new HeldRecords({ maxEntries: MAX_HELD });
  /** What the user waits for: the content, or null for a file that is fetched alone. */
  readonly #foreground = new Set<{ readonly contentId: ContentId | null }>();
  #side: ExchangeSide | null = null;

  constructor(deps: ExchangeDeps) {
    this.#deps = deps;
    this.#traffic = new Traffic(deps);
  }

  /** The side towards the neighbours opened, or closed with null; what is going on goes on with it. */
  attach(side: ExchangeSide | null): void {
    this.#side = side;
  }

  /** Everything that goes on, for people. */
  list(): ContentView[] {
    const nowMs = this.#deps.clock.monotonicMs();
    return [...this.#participants.values()].map((participant) => viewOf(participant, nowMs));
  }

  /** Takes part in fetching a content, or says why that is not possible. */
  join(content: ExchangeContent, request: JoinRequest): JoinedFetch | string {
    if (this.#side === null) return 'the side towards the neighbours is closed';
    const known = this.#participants.get(content.id);
    if (known?.isFetching) return 'this machine is fetching the same content already';
    known?.end();
    if (!this.#hasRoom(true)) return `this node takes part in ${MAX_CONTENTS} contents already`;
    const participant = this.#begin(content, request.patience);
    const { identity, clock, cache } = this.#deps;
    const joined = new JoinedFetch({ participant, identity, clock, cache, side: () => this.#side }, request);
    const { destination } = request.part.target;
    // What was fetched for this path before makes room for what comes now.
    this.#joined.get(destination)?.leave();
    this.#joined.set(destination, joined);
    participant.onEnd(() => {
      if (this.#joined.get(destination) === joined) this.#joined.delete(destination);
    });
    return joined;
  }

  /** What was fetched for a path is in the cache now, and so for everybody. */
  shared(destination: string, record: CacheRecord, pieces: readonly Piece[]): void {
    const held = heldRecord(record, pieces);
    if (held !== null) this.#accepted(destination)?.shared(held);
  }

  /** What was fetched for a path is not for others, or not any more: its owner says so, or removes it. */
  withdraw(destination: string): void {
    this.#accepted(destination)?.leave();
  }

  /** Notes that the user waits for a file until the returned function is called; `contentId` null: it is fetched alone. */
  userWaits(contentId: ContentId | null): () => void {
    const entry = { contentId };
    this.#foreground.add(entry);
    return () => this.#foreground.delete(entry);
  }

  /** A neighbour that searched was told of this record: it may say next that it wants its pieces. */
  told(record: CacheRecord, pieces: readonly Piece[]): void {
    this.#held.told(record, pieces);
  }

  heard(from: SwarmPeer, contentId: ContentId, body: SwarmBody): void {
    const participant = this.#participants.get(contentId) ?? this.#wake(contentId, body);
    participant?.heard(from, body);
  }

  interested(contentId: ContentId, nodeId: NodeId, ageMs: number): void {
    this.#participants.get(contentId)?.interested(nodeId, ageMs);
  }

  lost(nodeId: NodeId): void {
    for (const participant of this.#participants.values()) participant.lost(nodeId);
  }

  find(contentId: ContentId): SharedPieces | null {
    return this.#participants.get(contentId)?.pieces ?? null;
  }

  isUserBusyElsewhere(contentId: ContentId): boolean {
    for (const waited of this.#foreground) if (waited.contentId !== contentId) return true;
    return false;
  }

  given(contentId: ContentId, bytes: number): void {
    this.#traffic.gave(contentId, bytes);
    this.#participants.get(contentId)?.gave(bytes);
  }

  refused(contentId: ContentId | null, status: number): void {
    const isKnown = contentId !== null && this.#participants.has(contentId);
    this.#traffic.refused(isKnown ? contentId : null, status);
  }

  /** Leaves every content. */
  stop(): void {
    for (const participant of [...this.#participants.values()]) participant.end();
    this.#traffic.stop();
  }

  // The verdict on a file comes when it is complete: what is being fetched for the same path is another one.
  #accepted(destination: string): JoinedFetch | null {
    const joined = this.#joined.get(destination);
    return joined?.isAccepted ? joined : null;
  }

  // Somebody who was told of a record of the cache wants its pieces.
  #wake(contentId: ContentId, body: SwarmBody): Participant | null {
    const found = this.#held.find(contentId);
    if (found === null || body.kind !== 'beat' || body.beat.kind !== 'hello') return null;
    // Nobody gets a content woken in place of one that others are fetching.
    if (!this.#hasRoom(false)) return null;
    const { held, content } = found;
    const participant = this.#begin(content, null);
    const { cache, identity, clock } = this.#deps;
    const signer = content.anchored === null ? identity : null;
    participant.pieces = new CachedPieces(cache, held, signer, () => participant.end());
    const all = Array.from({ length: participant.swarm.have.length }, (_, piece) => piece);
    participant.swarm.gained(all, false, clock.monotonicMs());
    participant.swarm.validated();
    participant.touch();
    return participant;
  }

  #begin(content: ExchangeContent, patience: SwarmPatience | null): Participant {
    const { identity, clock, random, emit } = this.#deps;
    const participant = new Participant(
      { self: identity.nodeId, clock, random, emit, side: () => this.#side, traffic: this.#traffic },
      content,
      patience,
    );
    participant.onEnd(() => {
      this.#participants.delete(content.id);
      this.#traffic.tell([content.id]);
      emit({ type: 'swarm.left', contentId: content.id });
    });
    this.#participants.set(content.id, participant);
    emit({ type: 'swarm.joined', contentId: content.id, url: content.url });
    return participant;
  }

  // What nobody fetches just now makes room; for what this node wants itself, also what others fetch.
  #hasRoom(isOwn: boolean): boolean {
    if (this.#participants.size < MAX_CONTENTS) return true;
    const giving = [...this.#participants.values()].filter(({ isFetching }) => !isFetching);
    const leaving = giving.find(({ swarm }) => swarm.partners.length === 0) ?? (isOwn ? giving[0] : undefined);
    leaving?.end();
    return leaving !== undefined;
  }
}
