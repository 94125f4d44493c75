import type { Clock } from '../../core/clock.ts';
import type { ContentId, NodeId } from '../../core/ids.ts';

/** Bounds of an {@link InterestBook}. */
export interface InterestBookLimits {
  /** Contents remembered; the one that nobody spoke of for longest goes first. */
  readonly maxContents: number;
  /** Nodes remembered for each content; the one heard longest ago goes first. */
  readonly maxNodes: number;
  /** Contents that one node is remembered for: nobody fills the book alone. What it tells beyond is not taken in. */
  readonly maxContentsPerNode: number;
  /** How long an interest is remembered, in ms; who is still there tells it again every 5 s. */
  readonly rememberMs: number;
}

/** Somebody who wants or has a content. */
export interface Interest {
  readonly nodeId: NodeId;
  /** Milliseconds since it said so. */
  readonly ageMs: number;
}

const LIMITS: InterestBookLimits = { maxContents: 256, maxNodes: 64, maxContentsPerNode: 32, rememberMs: 60_000 };

/**
 * Who said lately that it wants or has which content. Every node keeps it, also about contents it has no use for: so it
 * knows whom to turn to when it wants one of them, and can tell others who ask. Only what nodes say of themselves is
 * noted, never what others say of them.
 */
export class InterestBook {
  readonly #clock: Clock;
  readonly #limits: InterestBookLimits;
  // Both levels in the order in which they were heard, the latest last.
  readonly #contents = new Map<ContentId, Map<NodeId, number>>();
  readonly #contentsOf = new Map<NodeId, number>();

  constructor(deps: { readonly clock: Clock }, limits: Partial<InterestBookLimits> = {}) {
    this.#clock = deps.clock;
    this.#limits = { ...LIMITS, ...limits };
  }

  /** Notes that a node wants or has a content, as of now. */
  note(contentId: ContentId, nodeId: NodeId): void {
    this.#drop(contentId, nodeId);
    if (!this.#mayAdd(nodeId)) return;
    this.#makeRoom(contentId);
    const nodes = this.#contents.get(contentId) ?? new Map<NodeId, number>();
    nodes.set(nodeId, this.#clock.monotonicMs());
    this.#contentsOf.set(nodeId, (this.#contentsOf.get(nodeId) ?? 0) + 1);
    this.#contents.delete(contentId);
    this.#contents.set(contentId, nodes);
  }

  /** Who wants or has the content, the one heard last first. */
  of(contentId: ContentId): Interest[] {
    const nowMs = this.#clock.monotonicMs();
    const all = [...(this.#contents.get(contentId) ?? [])].map(([nodeId, atMs]) => ({ nodeId, ageMs: nowMs - atMs }));
    return all.filter(({ ageMs }) => ageMs < this.#limits.rememberMs).reverse();
  }

  #mayAdd(nodeId: NodeId): boolean {
    const isFull = () => (this.#contentsOf.get(nodeId) ?? 0) >= this.#limits.maxContentsPerNode;
    if (isFull()) this.#expire();
    return !isFull();
  }

  #makeRoom(contentId: ContentId): void {
    const { maxContents, maxNodes } = this.#limits;
    const nodes = this.#contents.get(contentId);
    if (nodes === undefined && this.#contents.size >= maxContents) this.#dropOldestContent();
    const oldest = nodes?.keys().next().value;
    if (oldest !== undefined && nodes !== undefined && nodes.size >= maxNodes) this.#drop(contentId, oldest);
  }

  #dropOldestContent(): void {
    for (const [contentId, nodes] of this.#contents) {
      for (const nodeId of [...nodes.keys()]) this.#drop(contentId, nodeId);
      return;
    }
  }

  #expire(): void {
    const oldestMs = this.#clock.monotonicMs() - this.#limits.rememberMs;
    for (const [contentId, nodes] of this.#contents) {
      for (const [nodeId, atMs] of nodes) {
        if (atMs > oldestMs) break;
        this.#drop(contentId, nodeId);
      }
    }
  }

  // Nothing is left behind where nothing is known: neither an empty content nor a count of zero.
  #drop(contentId: ContentId, nodeId: NodeId): void {
    const nodes = this.#contents.get(contentId);
    if (nodes === undefined || !nodes.delete(nodeId)) return;
    if (nodes.size === 0) this.#contents.delete(contentId);
    const left = (this.#contentsOf.get(nodeId) ?? 0) - 1;
    if (left > 0) this.#contentsOf.set(nodeId, left);
    else this.#contentsOf.delete(nodeId);
  }
}
