import { type Random, sample, seededRandom } from '../../../src/core/random.ts';
import { type Beat, beatBytes } from '../../../src/plan/swarm/announcements.ts';
import { meetingPoints } from '../../../src/plan/swarm/weight.ts';
import { EventQueue } from './event-queue.ts';
import { SimulatedMember } from './simulated-member.ts';
import { SimulatedOrigin } from './simulated-origin.ts';
import { type Network, type SwarmScenario, WAN_BYTES_PER_MS } from './swarm-scenario.ts';

/** Head of a request for pieces and of its answer. */
const REQUEST_BYTES = 500;
const INTEREST_BYTES = 150;
/** A meeting point names so many members. */
const MET = 16;
/** Newcomers know what was told to the subnet in the last minute. */
const REMEMBERED_MS = 60_000;

/** A network with its members: origin behind one link, members on a switch. */
export class SimulatedSwarm implements Network {
  readonly scenario: SwarmScenario;
  readonly events = new EventQueue();
  readonly random: Random;
  readonly origin: SimulatedOrigin;
  readonly members: SimulatedMember[];
  readonly #byId = new Map<string, SimulatedMember>();
  readonly #meetings = new Map<string, Map<string, number>>();
  readonly #told: { id: string; atMs: number }[] = [];
  controlBytes = 0;
  beats = 0;
  interests = 0;
  lanBytes = 0;
  left: number;

  constructor(scenario: SwarmScenario) {
    this.scenario = scenario;
    this.random = seededRandom(scenario.seed);
    this.left = scenario.nodes;
    this.origin = new SimulatedOrigin(this.events, {
      pieceSize: scenario.pieceSize,
      bytesPerMs: WAN_BYTES_PER_MS,
      latencyMs: 10,
    });
    this.members = Array.from({ length: scenario.nodes }, (_, index) => new SimulatedMember(this, index));
    for (const member of this.members) this.#byId.set(member.id, member);
    for (const member of this.members) {
      this.events.at(this.random() * scenario.joinOverMs, () => member.join());
    }
    for (const { node, atMs } of scenario.deaths) this.events.at(atMs, () => this.members[node]?.die());
    for (const atMs of scenario.killOwnersAtMs) this.events.at(atMs, () => this.#killOwner());
  }

  /** Plays until every living member has the file, or for three hours. */
  run(): void {
    this.events.run(3 * 3_600_000, () => this.left <= 0);
  }

  member(id: string): SimulatedMember | undefined {
    return this.#byId.get(id);
  }

  latencyMs(): number {
    return 0.2 + 0.8 * this.random();
  }

  /** A beat on its way. */
  send(from: string, to: string, beat: Beat): void {
    this.beats++;
    this.controlBytes += beatBytes(beat);
    this.events.after(this.latencyMs(), () => this.#byId.get(to)?.hear(from, beat));
  }

  /** A datagram to the whole subnet: sent once, and heard by all that are there, which is counted too. */
  broadcast(id: string): void {
    if (this.scenario.rosterPart === null) this.#tellAll(id);
    else this.#meet(id, this.scenario.rosterPart);
  }

  #tellAll(id: string): void {
    const atMs = this.events.nowMs;
    this.interests++;
    this.controlBytes += INTEREST_BYTES * this.scenario.nodes;
    this.#told.push({ id, atMs });
    this.events.after(this.latencyMs(), () => {
      for (const member of this.members) {
        if (member.id !== id && this.random() < this.scenario.hears) member.hearInterest(id, atMs);
      }
    });
  }

  /** What a newcomer remembers of what was told before. */
  remembered(): { id: string; atMs: number }[] {
    const fromMs = this.events.nowMs - REMEMBERED_MS;
    return this.#told.filter(({ atMs }) => atMs >= fromMs && this.random() < this.scenario.hears);
  }

  /** Counts the head of a request and of its answer. */
  countRequest(): void {
    this.controlBytes += REQUEST_BYTES;
  }

  /** Counts a proof of a wrong piece that is passed on. */
  countEvidence(): void {
    this.controlBytes += 300;
  }

  // A question to each meeting point, and the answer with up to 16 who asked before.
  #meet(id: string, part: number): void {
    const roster = this.members.filter((it) => it.alive && it.id !== id && this.random() < part).map((it) => it.id);
    for (const point of meetingPoints(`file-${this.scenario.seed}`, roster)) {
      this.interests++;
      this.controlBytes += 2 * INTEREST_BYTES;
      const asked = this.#meetings.get(point) ?? new Map<string, number>();
      this.#meetings.set(point, asked);
      this.events.after(this.latencyMs(), () => {
        const known = sample([...asked], MET, this.random);
        this.controlBytes += 42 * known.length;
        asked.set(id, this.events.nowMs);
        this.#byId.get(point)?.hearInterest(id, this.events.nowMs);
        this.events.after(this.latencyMs(), () => {
          for (const [other, atMs] of known) this.#byId.get(id)?.hearInterest(other, atMs);
        });
      });
    }
  }

  #killOwner(): void {
    this.members.find((member) => member.isFetching)?.die();
  }
}
