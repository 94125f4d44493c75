import type { NodeId } from '../core/ids.ts';
import type { SwarmBody } from '../peer/swarm/swarm-port.ts';
import type { BadPieceProof } from './bad-piece.ts';

/** Others are shown the evidence against so many. */
const MAX_EVIDENCE = 16;
/** Of so many it is remembered what they were shown. */
const MAX_SHOWN = 256;

/** Who gave wrong bytes of one content, what shows it, and to whom it has been shown. */
export class BanList {
  readonly #nodes = new Set<NodeId>();
  readonly #evidence: SwarmBody[] = [];
  /** How much of the evidence each was shown, in its order. */
  readonly #shown = new Map<NodeId, number>();

  /** Those who are banned. */
  get nodes(): readonly NodeId[] {
    return [...this.#nodes];
  }

  /** Whether it is banned. */
  has(nodeId: NodeId): boolean {
    return this.#nodes.has(nodeId);
  }

  /** Bans a node; `proof` null where there is nothing that others would believe. */
  add(nodeId: NodeId, proof: BadPieceProof | null): void {
    this.#nodes.add(nodeId);
    if (proof !== null && this.#evidence.length < MAX_EVIDENCE)
      this.#evidence.push({ kind: 'evidence', evidence: proof.evidence });
  }

  /** What a member is to be shown now, each once; whoever is banned is shown nothing. */
  unseenBy(nodeId: NodeId): readonly SwarmBody[] {
    if (this.#nodes.has(nodeId)) return [];
    const unseen = this.#evidence.slice(this.#shown.get(nodeId) ?? 0);
    if (unseen.length > 0) this.#noteShown(nodeId);
    return unseen;
  }

  /** What a member was shown may not have arrived. */
  lost(nodeId: NodeId): void {
    this.#shown.delete(nodeId);
  }

  #noteShown(nodeId: NodeId): void {
    this.#shown.delete(nodeId);
    this.#shown.set(nodeId, this.#evidence.length);
    const [oldest] = this.#shown.keys();
    if (this.#shown.size > MAX_SHOWN && oldest !== undefined) this.#shown.delete(oldest);
  }
}
