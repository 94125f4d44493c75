import type { Beat } from '../../../src/plan/swarm/announcements.ts';
import type { PieceRequest } from '../../../src/plan/swarm/next-requests.ts';
import { Swarm, type SwarmStep } from '../../../src/plan/swarm/swarm.ts';
import { FILE_UPLOADS, PIECE_UPLOADS, UploadSlots } from '../../../src/plan/swarm/uploads.ts';
import type { OriginFlow } from './simulated-origin.ts';
import { LAN_BYTES_PER_MS, type Neighbour, type Network } from './swarm-scenario.ts';

/** A request that nobody answers is given up after this long. */
const TIMEOUT_MS = 2_000;

/** A node on the simulated network: its links and its part in the swarm, which is the product's own code. */
export class SimulatedMember implements Neighbour {
  readonly id: string;
  readonly index: number;
  readonly #net: Network;
  readonly #uploads: UploadSlots;
  #swarm: Swarm | null = null;
  #flow: OriginFlow | null = null;
  #isSettled = false;
  #upFreeMs = 0;
  #downFreeMs = 0;
  readonly banned = new Set<string>();
  alive = true;
  joinedMs = 0;
  doneMs: number | null = null;
  /** Bytes it gave to others. */
  uploaded = 0;

  constructor(net: Network, index: number) {
    this.#net = net;
    this.index = index;
    // As long as a PeerId in text form.
    this.id = `12D3KooW${String(index).padStart(44, 'x')}`;
    this.#uploads = new UploadSlots(net.scenario.anchored ? PIECE_UPLOADS : FILE_UPLOADS);
  }

  get isFetching(): boolean {
    return this.alive && this.#flow !== null && this.#flow.position > 0;
  }

  get swarm(): Swarm | null {
    return this.#swarm;
  }

  join(): void {
    if (!this.alive) return;
    const { scenario, events } = this.#net;
    const { size, pieceSize, anchored, patience } = scenario;
    this.joinedMs = events.nowMs;
    const content = {
      contentId: `file-${scenario.seed}`,
      self: this.id,
      size,
      pieceSize,
      anchored,
      random: this.#net.random,
    };
    this.#swarm =
      patience === undefined ? new Swarm(content, events.nowMs) : new Swarm(content, events.nowMs, patience);
    for (const { id, atMs } of this.#net.remembered()) this.#swarm.hearInterest(id, atMs);
    if (scenario.liars.has(this.index)) {
      this.#swarm.gained(this.#allPieces(), false, events.nowMs);
      this.#swarm.validated();
      this.#settle();
    }
    this.#tick();
  }

  die(): void {
    if (!this.alive) return;
    this.alive = false;
    this.#settle();
    if (this.#flow !== null) this.#net.origin.abort(this.#flow);
    this.#flow = null;
  }

  hearInterest(id: string, atMs: number): void {
    if (this.alive) this.#swarm?.hearInterest(id, atMs);
  }

  hear(from: string, beat: Beat): void {
    const swarm = this.#swarm;
    if (!this.alive || swarm === null) return;
    for (const { to, beat: answer } of swarm.hear(from, beat, this.#nowMs)) this.#net.send(this.id, to, answer);
    // A lease that meets the own one is looked at right away; otherwise news only lead to requests.
    if (beat.lease !== null && this.#flow !== null) this.#act(swarm.step(this.#nowMs));
    else if (beat.complete || beat.have.length > 0) this.#ask(swarm.requests(this.#nowMs));
  }

  /** Somebody proved that a member gave wrong bytes. It is passed on once. */
  hearEvidence(offender: string): void {
    if (!this.alive || this.banned.has(offender)) return;
    this.banned.add(offender);
    this.#swarm?.ban(offender, this.#nowMs);
    for (const partner of this.#swarm?.partners ?? []) {
      this.#net.countEvidence();
      this.#net.events.after(this.#net.latencyMs(), () => this.#net.member(partner)?.hearEvidence(offender));
    }
  }

  /** Whether this node answers a request, and when the answer has left it; null when it is busy. */
  give(client: string, bytes: number): number | null {
    if (this.#net.scenario.liars.has(this.index)) return null;
    if (!this.#uploads.admit(client, this.#nowMs, false)) return null;
    this.#upFreeMs = Math.max(this.#upFreeMs, this.#nowMs) + bytes / this.#net.scenario.uploadBytesPerMs;
    this.uploaded += bytes;
    this.#net.events.at(this.#upFreeMs, () => this.#uploads.done(client, this.#nowMs));
    return this.#upFreeMs;
  }

  get #nowMs(): number {
    return this.#net.events.nowMs;
  }

  #tick(): void {
    const swarm = this.#swarm;
    if (!this.alive || swarm === null) return;
    if (this.#flow !== null) swarm.originAt(Math.floor(this.#net.origin.positionOf(this.#flow)), this.#nowMs);
    const step = swarm.step(this.#nowMs);
    this.#act(step);
    this.#net.events.at(step.nextMs, () => this.#tick());
  }

  #act({ interest, beats, origin, requests }: SwarmStep): void {
    if (interest) this.#net.broadcast(this.id);
    for (const { to, beat } of beats) this.#net.send(this.id, to, beat);
    if (origin === 'stop') this.#stopFetching();
    else if (origin !== 'keep') this.#fetch(origin.first, origin.end);
    this.#ask(requests);
  }

  #fetch(first: number, end: number): void {
    const { pieceSize, size, slow } = this.#net.scenario;
    const rate = slow.get(this.index) ?? Number.POSITIVE_INFINITY;
    const onPiece = (flow: OriginFlow) => this.#arrived(flow);
    this.#flow = this.#net.origin.request(first * pieceSize, Math.min(size, end * pieceSize), rate, onPiece);
  }

  #stopFetching(): void {
    if (this.#flow !== null) this.#net.origin.abort(this.#flow);
    this.#flow = null;
  }

  #arrived(flow: OriginFlow): void {
    const swarm = this.#swarm as Swarm;
    if (flow !== this.#flow) return;
    const piece = Math.ceil(flow.position / this.#net.scenario.pieceSize) - 1;
    swarm.originAt(flow.position, this.#nowMs);
    this.#gain([piece], true);
    if (flow.position >= flow.end) {
      this.#flow = null;
      swarm.originEnded(this.#nowMs);
    }
    this.#act(swarm.step(this.#nowMs));
  }

  #ask(requests: readonly PieceRequest[]): void {
    for (const request of requests) {
      this.#net.countRequest();
      this.#net.events.after(this.#net.latencyMs(), () => this.#arriveAt(request));
    }
  }

  #arriveAt(request: PieceRequest): void {
    const giver = this.#net.member(request.partner);
    if (giver === undefined || !giver.alive) {
      this.#net.events.after(TIMEOUT_MS, () => this.#failed(request));
      return;
    }
    const bytes = this.#bytesOf(request);
    const sentMs = giver.give(this.id, bytes);
    if (sentMs === null) {
      this.#net.events.after(this.#net.latencyMs(), () => this.#answered(request, 'busy'));
      return;
    }
    this.#downFreeMs = Math.max(this.#downFreeMs + bytes / LAN_BYTES_PER_MS, sentMs);
    this.#net.events.at(this.#downFreeMs + this.#net.latencyMs(), () => this.#received(request, giver, bytes));
  }

  #received(request: PieceRequest, giver: Neighbour, bytes: number): void {
    if (!this.alive) return;
    if (!giver.alive) {
      this.#net.events.after(TIMEOUT_MS, () => this.#failed(request));
      return;
    }
    this.#net.lanBytes += bytes;
    if (this.#net.scenario.bad.has(giver.index)) {
      this.#answered(request, 'failed');
      this.hearEvidence(giver.id);
      return;
    }
    this.#gain(range(request), false);
    this.#answered(request, 'ok');
  }

  #failed(request: PieceRequest): void {
    if (!this.alive) return;
    this.#swarm?.lost(request.partner, this.#nowMs - TIMEOUT_MS);
    this.#answered(request, 'failed');
  }

  #answered(request: PieceRequest, outcome: 'ok' | 'busy' | 'failed'): void {
    const swarm = this.#swarm;
    if (!this.alive || swarm === null) return;
    swarm.answered(request, outcome, this.#nowMs);
    this.#ask(swarm.requests(this.#nowMs));
  }

  #gain(pieces: Iterable<number>, fromOrigin: boolean): void {
    const swarm = this.#swarm as Swarm;
    swarm.gained(pieces, fromOrigin, this.#nowMs);
    if (!swarm.have.isComplete || this.doneMs !== null) return;
    swarm.validated();
    this.doneMs = this.#nowMs;
    this.#settle();
    if (this.#flow !== null) this.#stopFetching();
    this.#act(swarm.step(this.#nowMs));
  }

  // Nobody waits for this node any more: it has the file, is dead, or only pretends.
  #settle(): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#net.left--;
  }

  #bytesOf({ first, end }: PieceRequest): number {
    const { size, pieceSize } = this.#net.scenario;
    return Math.min(size, end * pieceSize) - first * pieceSize;
  }

  #allPieces(): Iterable<number> {
    const { size, pieceSize } = this.#net.scenario;
    return range({ first: 0, end: Math.ceil(size / pieceSize) });
  }
}

function* range({ first, end }: { first: number; end: number }): Generator<number> {
  for (let piece = first; piece < end; piece++) yield piece;
}
