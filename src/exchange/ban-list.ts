import type { NodeId } from '../core/ids.ts';
import type { SwarmBody } from '../peer/swarm/swarm-port.ts';
import type { BadPieceProof } from './bad-piece.ts';

/** Newcomers are shown the evidence against so many. */
const MAX_EVIDENCE = 16;

/** Who gave wrong bytes of one content, and what shows it to others. */
export class BanList {
  readonly #nodes = new Set<NodeId>();
  readonly #evidence: SwarmBody[] = [];

  /** Those who are banned. */
  get nodes(): readonly NodeId[] {
    return [...this.#nodes];
  }

  /** What others are to be shown: only what the accused signed themselves. */
  get evidence(): readonly SwarmBody[] {
    return this.#evidence;
  }

  /** Whether it is banned. */
  has(nodeId: NodeId): boolean {
    return this.#nodes.has(nodeId);
  }

  /** Bans a node; returns what to show the others, or null where there is no proof. */
  add(nodeId: NodeId, proof: BadPieceProof | null): SwarmBody | null {
    this.#nodes.add(nodeId);
    if (proof === null) return null;
    const body = { kind: 'evidence', evidence: proof.evidence } as const;
    if (this.#evidence.length < MAX_EVIDENCE) this.#evidence.push(body);
    return body;
  }
}
