import type { Clock, Timer } from '../core/clock.ts';
import type { NodeId } from '../core/ids.ts';
import type { Random } from '../core/random.ts';
import { setNewest } from '../core/set-newest.ts';
import type { EmitEvent } from '../observe/events.ts';
import type { SwarmBody, SwarmPeer } from '../peer/swarm/swarm-port.ts';
import type { Beat } from '../plan/swarm/announcements.ts';
import type { Outgoing } from '../plan/swarm/contacts.ts';
import { SWARM_PATIENCE, type SwarmPatience } from '../plan/swarm/followers.ts';
import type { PieceRequest } from '../plan/swarm/next-requests.ts';
import type { Claim } from '../plan/swarm/next-run.ts';
import { Swarm, type SwarmStep } from '../plan/swarm/swarm.ts';
import type { SharedPieces } from '../serve/pieces/shared-pieces.ts';
import { type BadPieceProof, readEvidence } from './bad-piece.ts';
import { BanList } from './ban-list.ts';
import type { ExchangeContent } from './content.ts';
import type { ExchangeSide } from './side.ts';
import type { Traffic } from './traffic.ts';

/** Who carries out what the decisions ask for, while the file is fetched. */
export interface Worker {
  /** Where the running origin request is in the file, or null when there is none. */
  readonly originPosition: number | null;
  /** Begin to fetch these pieces from the origin; none is being fetched from there now. */
  fetchFromOrigin(run: Claim): void;
  stopOrigin(): void;
  ask(request: PieceRequest, from: SwarmPeer): void;
  /** Others have shown that a neighbour gave wrong bytes. */
  banned(nodeId: NodeId): void;
}

/** What a participant works with. */
export interface ParticipantDeps {
  readonly self: NodeId;
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: EmitEvent;
  readonly traffic: Traffic;
  /** The open side, or null while there is none. */
  readonly side: () => ExchangeSide | null;
}

/** Who has everything stays this long after the last neighbour that wanted something. */
const LINGER_MS = 30_000;
/** And no longer than this without giving anything: whoever comes later finds the file in the cache. */
const LINGER_AT_MOST_MS = 600_000;
/** Neighbours whose place is remembered, at most: partners are some forty. */
const MAX_PEERS = 256;

/**
 * One node's part in one content: carries what `Swarm` decides to the neighbours and to the worker, and tells it what
 * they say. Lives from the moment the node wants the content until nobody nearby wants it any more.
 */
export class Participant {
  readonly content: ExchangeContent;
  readonly swarm: Swarm;
  readonly #deps: ParticipantDeps;
  readonly #peers = new Map<NodeId, SwarmPeer>();
  readonly #bans = new BanList();
  readonly #endListeners: (() => void)[] = [];
  #worker: Worker | null = null;
  /** Whether a file is being fetched, and not only given. */
  isFetching: boolean;
  /** Whether the file is complete and waits to be accepted, without which nobody else may have it. */
  awaitsVerdict = false;
  /** What can be given; null before there is anything. */
  pieces: SharedPieces | null = null;
  #timer: Timer | null = null;
  #ended = false;
  /** When it was complete, or gave something last. */
  #usefulMs: number | null = null;
  #wantedMs: number;
  /** Whether any neighbour has said something about this content. */
  hasMet = false;
  #given = 0;
  #taken = 0;
  /** When this node joined, milliseconds since 1970. */
  readonly joinedMs: number;

  /** `patience` of a fetch that is about to begin; null for a node that only gives. */
  constructor(deps: ParticipantDeps, content: ExchangeContent, patience: SwarmPatience | null) {
    this.#deps = deps;
    this.isFetching = patience !== null;
    this.content = content;
    const { self, random, clock } = deps;
    const { id, version, pieceSize, anchored } = content;
    const nowMs = clock.monotonicMs();
    this.joinedMs = clock.wallMs();
    this.#wantedMs = nowMs;
    this.swarm = new Swarm(
      { contentId: id, self, size: version.size, pieceSize, anchored: anchored !== null, random },
      nowMs,
      patience ?? SWARM_PATIENCE,
    );
    for (const { nodeId, ageMs } of deps.side()?.swarm.interestedIn(id) ?? []) this.interested(nodeId, ageMs);
  }

  /** Bytes that went to neighbours. */
  get givenBytes(): number {
    return this.#given;
  }

  /** Bytes that came from neighbours, good or not. */
  get takenBytes(): number {
    return this.#taken;
  }

  get self(): NodeId {
    return this.#deps.self;
  }

  /** Whether this node has left the content. */
  get isEnded(): boolean {
    return this.#ended;
  }

  get bannedNodes(): readonly NodeId[] {
    return this.#bans.nodes;
  }

  /** `listener` is called once, when this node has nothing to give or to want here any more. */
  onEnd(listener: () => void): void {
    this.#endListeners.push(listener);
  }

  /** Begins to work: from now on steps are carried out. */
  begin(worker: Worker): void {
    this.#worker = worker;
    this.touch();
  }

  /** The worker is done, or gives up; the participant goes on giving what there is. */
  rest(): void {
    this.#worker = null;
    this.isFetching = false;
    this.awaitsVerdict = false;
    this.touch();
  }

  /** Something changed: takes a step now. */
  touch(): void {
    // Until somebody is there to carry it out, what a step decides would be lost.
    if (this.#ended || (this.isFetching && this.#worker === null)) return;
    this.#timer?.cancel();
    const nowMs = this.#deps.clock.monotonicMs();
    const position = this.#worker?.originPosition ?? null;
    if (position !== null) this.swarm.originAt(position, nowMs);
    if (this.awaitsVerdict) this.swarm.awaitsVerdict(nowMs);
    const step = this.swarm.step(nowMs);
    this.#act(step);
    if (this.#isOver(nowMs)) this.end();
    else this.#timer = this.#deps.clock.after(Math.max(1, step.nextMs - nowMs), () => this.touch());
  }

  /** A proven member said something about this content. */
  heard(from: SwarmPeer, body: SwarmBody): void {
    if (this.#ended) return;
    this.#remember(from);
    if (body.kind === 'evidence') this.#heardEvidence(body.evidence);
    else this.#heardBeat(from.nodeId, body.beat);
    if (body.kind === 'beat' && (body.beat.kind === 'hello' || body.beat.kind === 'welcome'))
      this.#showEvidence(from.nodeId);
  }

  #heardBeat(from: NodeId, beat: Beat): void {
    const nowMs = this.#deps.clock.monotonicMs();
    this.#sendAll(this.swarm.hear(from, beat, nowMs));
    // A lease that meets the own one is looked at right away; otherwise news only lead to requests.
    if (beat.lease !== null && this.swarm.meetsOwn(beat.lease, nowMs)) this.touch();
    else if (beat.complete || beat.have.length > 0) this.ask();
  }

  /** Somebody is said to want or have this content. */
  interested(nodeId: NodeId, ageMs: number): void {
    this.swarm.hearInterest(nodeId, this.#deps.clock.monotonicMs() - ageMs);
  }

  /** A member cannot be reached. */
  lost(nodeId: NodeId): void {
    this.#peers.delete(nodeId);
    this.swarm.lost(nodeId, this.#deps.clock.monotonicMs());
  }

  /** Makes the requests that are possible now. */
  ask(): void {
    if (this.#worker !== null) this.#askAll(this.swarm.requests(this.#deps.clock.monotonicMs()));
  }

  /** This node was given wrong bytes; partners hear it where there is proof. False when it is banned already. */
  ban(nodeId: NodeId, proof: BadPieceProof | null): boolean {
    if (this.#bans.has(nodeId)) return false;
    this.#bans.add(nodeId, proof);
    const partners = this.swarm.partners as NodeId[];
    this.swarm.ban(nodeId, this.#deps.clock.monotonicMs());
    this.#deps.emit({ type: 'swarm.banned', contentId: this.content.id, nodeId, proven: proof !== null });
    for (const to of partners) this.#showEvidence(to);
    return true;
  }

  /** Bytes were given to a neighbour. */
  gave(bytes: number): void {
    this.#given += bytes;
    this.#wantedMs = this.#deps.clock.monotonicMs();
    if (this.#usefulMs !== null && bytes > 0) this.#usefulMs = this.#wantedMs;
  }

  /** Bytes came from a neighbour, good or not. */
  took(bytes: number): void {
    this.#taken += bytes;
    this.#deps.traffic.took(this.content.id, bytes);
  }

  /** Leaves: the partners hear it. Idempotent. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#timer?.cancel();
    this.#sendAll(this.swarm.leave());
    for (const listener of this.#endListeners) listener();
  }

  #act({ interest, beats, origin, requests }: SwarmStep): void {
    if (interest) this.#deps.side()?.swarm.tellInterest(this.content.id);
    this.#sendAll(beats);
    if (this.#worker === null) return;
    if (origin === 'stop') this.#worker.stopOrigin();
    else if (origin !== 'keep') this.#worker.fetchFromOrigin(origin);
    this.#askAll(requests);
  }

  #askAll(requests: readonly PieceRequest[]): void {
    for (const request of requests) {
      const from = this.#peers.get(request.partner as NodeId);
      if (from !== undefined && this.#worker !== null) this.#worker.ask(request, from);
      else this.swarm.answered(request, 'failed', this.#deps.clock.monotonicMs());
    }
  }

  #sendAll(outgoing: readonly Outgoing[]): void {
    const swarm = this.#deps.side()?.swarm;
    for (const { to, beat } of outgoing) swarm?.send(to as NodeId, this.content.id, { kind: 'beat', beat });
  }

  #remember(from: SwarmPeer): void {
    this.hasMet = true;
    setNewest(this.#peers, from.nodeId, from, MAX_PEERS);
  }

  // Whoever comes later, or was away, would find out for itself at the price of a piece.
  #showEvidence(to: NodeId): void {
    for (const body of this.#bans.show(to, this.#deps.clock.monotonicMs()))
      this.#deps.side()?.swarm.send(to, this.content.id, body);
  }

  // What somebody says of another counts only with the signature of the accused.
  #heardEvidence(evidence: Uint8Array): void {
    const proof = readEvidence(evidence, this.content);
    if (proof === null || proof.nodeId === this.#deps.self || this.#bans.has(proof.nodeId)) return;
    this.#worker?.banned(proof.nodeId);
    this.ban(proof.nodeId, proof);
  }

  #isOver(nowMs: number): boolean {
    if (this.isFetching) return false;
    if (this.pieces === null || !this.swarm.have.isComplete) return true;
    this.#usefulMs ??= nowMs;
    if (this.swarm.partners.length > 0) this.#wantedMs = nowMs;
    return nowMs - this.#wantedMs > LINGER_MS || nowMs - this.#usefulMs > LINGER_AT_MOST_MS;
  }
}
