import type { LeaseFact } from './leases.ts';
import { type PieceRun, runsOf } from './piece-set.ts';

/** A lease of somebody else. */
export interface ToldLease extends LeaseFact {
  readonly holder: string;
  /** How long ago the holder itself was heard. Without it two nodes could keep the lease of a dead one alive for each other. */
  readonly silentMs: number;
}

/** What one member tells another; the only message between members besides asking for pieces. */
export interface Beat {
  /**
   * `hello` asks to be partners and `welcome` says yes: both carry all pieces. `beat` carries what is new since the
   * last one. `no-room` says no, and names others. `bye` ends it.
   */
  readonly kind: 'hello' | 'welcome' | 'beat' | 'no-room' | 'bye';
  /** Pieces that the sender can give. */
  readonly have: readonly PieceRun[];
  /** The sender can give everything; `have` is empty then. */
  readonly complete: boolean;
  /** What the sender fetches from the origin now. */
  readonly lease: LeaseFact | null;
  /** The sender takes itself for one of the seats; those have to know each other. */
  readonly seat: boolean;
  /** The sender fetches nothing from the origin: policy forbids it, the origin refuses, or the others do not trust it. */
  readonly passive: boolean;
  /** The sender has proof that the receiver gave wrong bytes, and takes nothing from it any more. */
  readonly distrusts: boolean;
  /** What others fetch: to a seat with the `welcome`, and to one that fetches the same as somebody else. */
  readonly others: readonly ToldLease[];
  /** Bytes per millisecond that an owner gets from the origin, by what the sender has seen; 0 when it has seen none end. */
  readonly usualRate: number;
  /** How long ago a byte came from the origin to anybody, as far as the sender knows; where only the whole can be proven, from anywhere. */
  readonly pulseAgeMs: number;
  /** Some members, and how long ago each was heard. */
  readonly members: readonly { readonly id: string; readonly ageMs: number }[];
}

/**
 * A partner is told of pieces that came from neighbours at most this often. One that hears beats of a seat hears of them
 * with the next beat: it was told by the owner itself, and each message costs as much as serving a third of a piece.
 */
export const NEWS_EVERY_MS = 250;
/** And of pieces from the origin, which nobody else can tell: a fast origin brings a thousand in a second. */
export const ORIGIN_NEWS_EVERY_MS = 20;
/** Seats, and whoever holds a lease, are heard this often, so that two beats fit in a lease and a second is left for late ones. */
export const SEAT_BEAT_MS = 800;
/** All others. */
export const BEAT_MS = 1_000;
/** Members are named in a beat this often. */
export const MEMBERS_EVERY_MS = 5_000;

/** What decides when a partner is told next. */
export interface TellFacts {
  readonly nowMs: number;
  readonly toldMs: number;
  /** There are pieces that the partner was not told of, and it misses some. */
  readonly hasNews: boolean;
  /** The own lease changed: whoever does not hear it at once may fetch the same. */
  readonly urgent: boolean;
  /** A piece came from the origin: nobody else can have told it. */
  readonly hasOriginNews: boolean;
  /** One of both holds a lease, or both are seats. */
  readonly seated: boolean;
}

/** Whether a partner is told something now. */
export function isDue({ nowMs, toldMs, hasNews, hasOriginNews, urgent, seated }: TellFacts): boolean {
  if (urgent) return true;
  const silentMs = nowMs - toldMs;
  if (hasOriginNews && silentMs >= ORIGIN_NEWS_EVERY_MS) return true;
  if (seated) return silentMs >= SEAT_BEAT_MS;
  return silentMs >= BEAT_MS || (hasNews && silentMs >= NEWS_EVERY_MS);
}

/** Pieces in any order as the runs of a beat. */
export function newsOf(pieces: readonly number[]): PieceRun[] {
  return runsOf([...pieces].sort((a, b) => a - b));
}

/** Bytes of one message around its content: TCP/IP 52, Noise 18, yamux 12, length and tags of the fields about 18. */
const FRAME_BYTES = 100;
const RUN_BYTES = 6;
const LEASE_BYTES = 16;
/** A PeerId of 38 bytes and an age. */
const MEMBER_BYTES = 42;

/** About how many bytes a beat is on the wire: for the accounts of a simulation and the limits of a reader. */
export function beatBytes(beat: Beat): number {
  const lease = beat.lease === null ? 0 : LEASE_BYTES;
  const others = (LEASE_BYTES + MEMBER_BYTES) * beat.others.length;
  return FRAME_BYTES + RUN_BYTES * beat.have.length + lease + others + MEMBER_BYTES * beat.members.length;
}
