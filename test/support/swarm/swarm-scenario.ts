import type { Random } from '../../../src/core/random.ts';
import type { Beat } from '../../../src/plan/swarm/announcements.ts';
import type { SwarmPatience } from '../../../src/plan/swarm/followers.ts';
import type { EventQueue } from './event-queue.ts';
import type { SimulatedOrigin } from './simulated-origin.ts';

/** What is played. Times in milliseconds of simulated time, rates in bytes per millisecond. */
export interface SwarmScenario {
  readonly name: string;
  readonly nodes: number;
  readonly size: number;
  readonly pieceSize: number;
  readonly anchored: boolean;
  /** When a node wants the file; within a `spread` of 0 all at once. */
  readonly joinOverMs: number;
  readonly seed: number;
  /** How likely a node hears what is told to the whole subnet. */
  readonly hears: number;
  /** Broadcast is filtered: a node knows only this part of the others, and asks where those who want the file meet. */
  readonly rosterPart: number | null;
  /** These die silently, each at its time after the start. */
  readonly deaths: readonly { readonly node: number; readonly atMs: number }[];
  /** These take no more than so many bytes per millisecond from the origin. */
  readonly slow: ReadonlyMap<number, number>;
  /** These give wrong bytes for every piece. */
  readonly bad: ReadonlySet<number>;
  /** What a node may give to its neighbours, all together. */
  readonly uploadBytesPerMs: number;
  /** These say that they have everything and give nothing. */
  readonly liars: ReadonlySet<number>;
  /** When an owner at this time fetches, the first one dies: `deaths` of nodes that matter. */
  readonly killOwnersAtMs: readonly number[];
  readonly patience?: SwarmPatience;
}

export const WAN_BYTES_PER_MS = 12_500;
export const LAN_BYTES_PER_MS = 125_000;

/** What a member can do to the others, and how. */
export interface Network {
  readonly scenario: SwarmScenario;
  readonly events: EventQueue;
  readonly random: Random;
  readonly origin: SimulatedOrigin;
  /** Living members that are not done. */
  left: number;
  /** Bytes of pieces that went from member to member. */
  lanBytes: number;
  latencyMs(): number;
  send(from: string, to: string, beat: Beat): void;
  broadcast(id: string): void;
  remembered(): { id: string; atMs: number }[];
  countRequest(): void;
  countEvidence(): void;
  member(id: string): Neighbour | undefined;
}

/** What one member sees of another. */
export interface Neighbour {
  readonly id: string;
  readonly index: number;
  readonly alive: boolean;
  hearInterest(id: string, atMs: number): void;
  hearEvidence(offender: string): void;
  give(client: string, bytes: number): number | null;
}
