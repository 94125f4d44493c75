import type { NearbitsError } from '../core/errors.ts';
import type { NodeId } from '../core/ids.ts';
import type { Piece } from '../core/pieces.ts';
import type { Source } from '../core/source.ts';
import { afterFailure } from '../plan/after-failure.ts';
import type { WorkContext } from './work-context.ts';

/** A neighbour that a search found to have the whole file. */
export interface Holder {
  readonly nodeId: NodeId;
  /** Gives its record as it gives any record of its cache. */
  readonly source: Source;
  /** How it cut its record, and what the pieces are, by its own word. */
  readonly pieceSize: number;
  readonly pieces: readonly Piece[];
}

interface StandIn {
  readonly holder: Holder;
  /** Failures since it gave something. */
  failures: number;
}

/** One that is busy so often in a row is not waited for any longer: the origin has the bytes, too. */
const MAX_BUSY = 2;

/** A record may go at any time; and when it is not what others describe, they may be wrong. Neither tells anything about its holder. */
const HARMLESS: ReadonlySet<string> = new Set(['E_PEER_GONE', 'E_PEER_BAD_DATA']);

/**
 * Holders of the file that take no part in fetching it together: policy forbids it there, or they know the file cut
 * otherwise. What no partner has is fetched from them in place of the origin.
 */
export class StandIns {
  readonly #context: WorkContext;
  readonly #standIns = new Map<NodeId, StandIn>();
  readonly #given = new Map<NodeId, number>();

  constructor(context: WorkContext) {
    this.#context = context;
  }

  /** Bytes that each gave, good or not. */
  get givers(): ReadonlyMap<NodeId, number> {
    return this.#given;
  }

  /** A search found one; the first word about it counts. */
  add(holder: Holder): void {
    if (!this.#standIns.has(holder.nodeId)) this.#standIns.set(holder.nodeId, { holder, failures: 0 });
  }

  /** Whom to ask now, or null. Without an anchor its word about the pieces counts from then on, if nobody spoke before. */
  choose(): Holder | null {
    const found = [...this.#standIns.values()].find(({ holder }) => this.#isUsable(holder));
    if (found === undefined) return null;
    this.#context.list.adopt(found.holder);
    return found.holder;
  }

  /** One of them gave bytes. */
  gave({ nodeId }: Holder, bytes: number): void {
    const known = this.#standIns.get(nodeId);
    if (bytes === 0) return;
    if (known !== undefined) known.failures = 0;
    this.#given.set(nodeId, (this.#given.get(nodeId) ?? 0) + bytes);
    this.#context.participant.took(bytes);
  }

  /**
   * One of them failed. Returns for how long nothing is to be fetched in place of a partner, in ms: a busy one is served
   * to somebody else now, who may have what this node wants before its turn comes.
   */
  failed({ nodeId }: Holder, error: NearbitsError, data: Readonly<Record<string, unknown>>): number {
    const { note, originRetries, fail } = this.#context;
    const known = this.#standIns.get(nodeId);
    const failures = (known?.failures ?? 0) + 1;
    const verdict = afterFailure({ kind: 'peer', error, failures, originRetries });
    const waits = verdict.action === 'wait' && known !== undefined && failures <= MAX_BUSY;
    note('FETCH_FAILED', `${nodeId}: ${error.message}`, { ...data, code: error.code, waits });
    this.#standIns.delete(nodeId);
    // Another one that may have a place is asked before it.
    if (waits) this.#standIns.set(nodeId, { ...known, failures });
    else if (verdict.action === 'give-up') fail(error);
    else this.#dropped(nodeId, error);
    return waits ? verdict.delayMs : 0;
  }

  // Whoever takes part is asked for pieces instead.
  #isUsable(holder: Holder): boolean {
    const { swarm, participant, list } = this.#context;
    const { nodeId } = holder;
    if (participant.bannedNodes.includes(nodeId) || swarm.partners.includes(nodeId)) return false;
    return list.pieces !== null || list.fits(holder);
  }

  #dropped(nodeId: NodeId, error: NearbitsError): void {
    const { note, side } = this.#context;
    if (!HARMLESS.has(error.code)) side()?.failed(nodeId, error);
    note('SOURCE_REMOVED', `${nodeId} is not asked again for this file`, { source: nodeId, code: error.code });
  }
}
