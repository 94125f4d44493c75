import type { Random } from '../../core/random.ts';
import { cutFile, type FileRuns } from './file-runs.ts';
import { LeaseBook } from './leases.ts';
import { MembershipView } from './membership-view.ts';
import { Partners } from './partners.ts';
import { PieceSet } from './piece-set.ts';

/** Which content a swarm is about, and who this node is in it. */
export interface SwarmContent {
  /** The same on every member and for no other version: URL, size and validators, or a digest. */
  readonly contentId: string;
  /** This node's id. */
  readonly self: string;
  readonly size: number;
  readonly pieceSize: number;
  /** Whether single pieces can be proven. Without that nothing is given before the whole file is validated. */
  readonly anchored: boolean;
  readonly random: Random;
}

/** What the parts of one node's swarm know together. All times are monotonic times of this node. */
export interface SwarmState {
  readonly content: SwarmContent;
  readonly file: FileRuns;
  readonly view: MembershipView;
  readonly partners: Partners;
  readonly leases: LeaseBook;
  /** Pieces that are proven, or at least arrived where nothing can be proven yet. */
  readonly have: PieceSet;
  /** Pieces that may be given, in the order in which they came. */
  readonly gained: number[];
  /** The file is whole, and validated where that was needed. */
  complete: boolean;
  /** This node fetches nothing from the origin for now, other than at the end of its patience. */
  passive: boolean;
  readonly joinedMs: number;
  /** When a piece arrived last. */
  gainedMs: number;
  /** When anybody got a byte from the origin last; where only the whole can be proven, from anywhere. */
  pulseMs: number;
}

/** The state of a node that begins now and holds `have`. */
export function newState(content: SwarmContent, nowMs: number): SwarmState {
  const file = cutFile(content.size, content.pieceSize, content.anchored);
  return {
    content,
    file,
    view: new MembershipView(content),
    partners: new Partners(file.pieces),
    leases: new LeaseBook(file),
    have: new PieceSet(file.pieces),
    gained: [],
    complete: false,
    passive: false,
    joinedMs: nowMs,
    gainedMs: nowMs,
    pulseMs: nowMs,
  };
}
