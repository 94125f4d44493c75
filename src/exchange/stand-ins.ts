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
  notBeforeMs: number;
}

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
    if (!this.#standIns.has(holder.nodeId)) this.#standIns.set(holder.nodeId, { holder, notBeforeMs: 0 });
  }

  /** Whom to ask now, or null. Without an anchor its word about the pieces counts from then on, if nobody spoke before. */
  choose(): Holder | null {
    const { list, clock } = this.#context;
    const nowMs = clock.monotonicMs();
    const found = [...this.#standIns.values()].find((it) => it.notBeforeMs <= nowMs && this.#isUsable(it.holder));
    if (found === undefined) return null;
    list.adopt(found.holder);
    return found.holder;
  }

  /** One of them gave bytes. */
  gave({ nodeId }: Holder, bytes: number): void {
    this.#given.set(nodeId, (this.#given.get(nodeId) ?? 0) + bytes);
    this.#context.participant.took(bytes);
  }

  /** One of them failed. A busy one is left alone for a while, and nobody waits for it: the origin has the bytes, too. */
  failed({ nodeId }: Holder, error: NearbitsError, data: Readonly<Record<string, unknown>>): void {
    const { note, originRetries, fail, clock } = this.#context;
    const verdict = afterFailure({ kind: 'peer', error, failures: 1, originRetries });
    note('FETCH_FAILED', `${nodeId}: ${error.message}`, { ...data, code: error.code, verdict: verdict.action });
    const known = this.#standIns.get(nodeId);
    if (verdict.action === 'give-up') fail(error);
    else if (verdict.action === 'drop') this.#drop(nodeId, error);
    else if (known !== undefined) known.notBeforeMs = clock.monotonicMs() + verdict.delayMs;
  }

  // Whoever takes part is asked for pieces instead.
  #isUsable(holder: Holder): boolean {
    const { swarm, participant, list } = this.#context;
    const { nodeId } = holder;
    if (participant.bannedNodes.includes(nodeId) || swarm.partners.includes(nodeId)) return false;
    return list.pieces !== null || list.fits(holder);
  }

  #drop(nodeId: NodeId, error: NearbitsError): void {
    const { note, side } = this.#context;
    this.#standIns.delete(nodeId);
    // Closing the own side ends requests too, which nobody is to blame for.
    if (error.code !== 'E_CANCELLED') side()?.failed(nodeId, error);
    note('SOURCE_REMOVED', `${nodeId} is not asked again for this file`, { source: nodeId, code: error.code });
  }
}
