import type { NodeId } from '../core/ids.ts';
import { setNewest } from '../core/set-newest.ts';
import type { SwarmBody } from '../peer/swarm/swarm-port.ts';
import type { BadPieceProof } from './bad-piece.ts';

/** Others are shown the evidence against so many. */
const MAX_EVIDENCE = 16;
/** Who asks to be partners again may have missed something; but nobody makes this node send more by asking often. */
const AGAIN_MS = 2_000;
/** Of so many it is remembered what they were shown. */
const MAX_SHOWN = 256;

/** What a member was shown: how much of the evidence, in its order, and when. */
interface Shown {
  readonly count: number;
  readonly atMs: number;
}

/** Who gave wrong bytes of one content, what shows it, and to whom it has been shown. */
export class BanList {
  readonly #nodes = new Set<NodeId>();
  readonly #evidence: SwarmBody[] = [];
  readonly #shown = new Map<NodeId, Shown>();

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

  /** What a member is to be shown now: what is new, and after two seconds all of it again. Whoever is banned is shown nothing. */
  show(nodeId: NodeId, nowMs: number): readonly SwarmBody[] {
    if (this.#nodes.has(nodeId)) return [];
    const { count, atMs } = this.#shown.get(nodeId) ?? { count: 0, atMs: nowMs };
    const shown = this.#evidence.slice(nowMs - atMs < AGAIN_MS ? count : 0);
    if (shown.length > 0) setNewest(this.#shown, nodeId, { count: this.#evidence.length, atMs: nowMs }, MAX_SHOWN);
    return shown;
  }
}
