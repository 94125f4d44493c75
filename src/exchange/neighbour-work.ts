import type { NearbitsError } from '../core/errors.ts';
import type { NodeId } from '../core/ids.ts';
import { RangeSet } from '../core/range-set.ts';
import type { Source } from '../core/source.ts';
import type { SwarmPeer } from '../peer/swarm/swarm-port.ts';
import type { PieceRequest } from '../plan/swarm/next-requests.ts';
import { ActiveSource } from '../transfer/active-source.ts';
import { BadPieceError, checkReceipts } from './bad-piece.ts';
import { bytesOf } from './content.ts';
import type { ExchangeSide } from './side.ts';
import type { WorkContext } from './work-context.ts';

/** The requests to neighbours of one file. */
export class NeighbourWork {
  readonly #context: WorkContext;
  readonly #running = new Set<Promise<void>>();
  readonly #given = new Map<NodeId, number>();

  constructor(context: WorkContext) {
    this.#context = context;
  }

  /** Bytes that each neighbour gave, good or not. */
  get givers(): ReadonlyMap<NodeId, number> {
    return this.#given;
  }

  /** Asks one neighbour for some pieces, and tells the swarm how that ended. */
  ask(request: PieceRequest, from: SwarmPeer): void {
    const work = this.#ask(request, from)
      .catch((error) => this.#context.fail(error))
      .finally(() => this.#running.delete(work));
    this.#running.add(work);
  }

  /** Resolves when all that came is written. */
  async settled(): Promise<void> {
    await Promise.all(this.#running);
  }

  async #ask(request: PieceRequest, from: SwarmPeer): Promise<void> {
    const { side, signal, swarm, clock, participant } = this.#context;
    const open = side();
    const error = open === null ? null : await this.#fetch(request, from, open);
    if (signal.aborted) return;
    const nowMs = clock.monotonicMs();
    if (error === null && open !== null) swarm.answered(request, 'ok', nowMs);
    else if (error?.code === 'E_PEER_BUSY') swarm.answered(request, 'busy', nowMs, retryAfterMs(error));
    else {
      if (error !== null && open !== null) this.#failed(from.nodeId, error, open);
      swarm.answered(request, 'failed', nowMs);
    }
    participant.ask();
  }

  async #fetch(request: PieceRequest, from: SwarmPeer, side: ExchangeSide): Promise<NearbitsError | null> {
    const { list, content, signal, swarm, clock, participant } = this.#context;
    try {
      await list.learn(from, side, signal);
    } catch (error) {
      return error as NearbitsError;
    }
    const range = bytesOf(request, content);
    const active = new ActiveSource({
      source: this.#source(request, from, side),
      offers: RangeSet.of(range),
      pieces: list.pieces,
    });
    const target = this.#context.target('peer', (piece) => swarm.gained([piece], false, clock.monotonicMs()));
    const { error, received } = await active.fetch(range, target, signal);
    participant.took(received);
    if (received > 0) this.#given.set(from.nodeId, (this.#given.get(from.nodeId) ?? 0) + received);
    return error;
  }

  #source(request: PieceRequest, from: SwarmPeer, side: ExchangeSide): Source {
    const { content, list } = this.#context;
    const { id: contentId, pieceSize, version } = content;
    const onReceipts = (receipts: readonly Uint8Array[]) => {
      if (list.descriptor === null) throw new Error('pieces are asked for before they are known');
      checkReceipts(receipts, from.nodeId, request, list.descriptor, list.isAnchored);
    };
    return {
      kind: 'peer',
      id: from.nodeId,
      fetch: (range, sink, signal) =>
        side.fetchPieces(from, { contentId, size: version.size, pieceSize, range }, { onReceipts, sink }, signal),
    };
  }

  #failed(nodeId: NodeId, error: NearbitsError, side: ExchangeSide): void {
    const { swarm, clock, fail, list } = this.#context;
    switch (error.code) {
      case 'E_PEER_GONE':
      // The side was closed, for instance because the membership changed.
      case 'E_CANCELLED':
        return;
      case 'E_PEER_BAD_DATA':
      case 'E_PEER_PROTOCOL':
        this.#ban(nodeId, error);
        // Where two holders contradict each other nobody knows which of them is wrong.
        if (list.isAnchored || !(error instanceof BadPieceError)) side.failed(nodeId, error);
        return;
      case 'E_PEER_UNREACHABLE':
      case 'E_PEER_TIMEOUT':
      case 'E_PEER_UNAUTHENTICATED':
        swarm.lost(nodeId, clock.monotonicMs());
        side.failed(nodeId, error);
        return;
      default:
        // A full or failing disk is nobody's fault but ours.
        fail(error);
    }
  }

  // Several answers of it may be on their way: the first wrong one is the news.
  #ban(nodeId: NodeId, error: NearbitsError): void {
    const { participant, note } = this.#context;
    const proof = error instanceof BadPieceError ? error.proof : null;
    if (!participant.ban(nodeId, proof)) return;
    const others = proof === null ? '' : '; the other neighbours are shown what it signed';
    note('PEER_BANNED', `${nodeId} is not asked again for this file: ${error.message}${others}`, {
      peer: nodeId,
      code: error.code,
      proven: proof !== null,
    });
  }
}

function retryAfterMs({ details }: NearbitsError): number | undefined {
  return typeof details.retryAfterMs === 'number' ? details.retryAfterMs : undefined;
}
