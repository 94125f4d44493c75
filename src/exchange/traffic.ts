import type { Clock, Timer } from '../core/clock.ts';
import type { ContentId } from '../core/ids.ts';
import type { EmitEvent, SwarmMoved } from '../observe/events.ts';

/** Sums of one content since they were told last. */
type Sums = { -readonly [K in Exclude<keyof SwarmMoved, 'type' | 'contentId' | 'refused'>]: number } & {
  refused: Record<string, number>;
};

const TELL_EVERY_MS = 1_000;

/** Sums up what moves between this node and its neighbours, and tells it as events: see {@link SwarmMoved}. */
export class Traffic {
  readonly #clock: Clock;
  readonly #emit: EmitEvent;
  /** By content; null stands for requests that name none of this node. */
  readonly #sums = new Map<ContentId | null, Sums>();
  #timer: Timer | null = null;

  constructor(deps: { readonly clock: Clock; readonly emit: EmitEvent }) {
    this.#clock = deps.clock;
    this.#emit = deps.emit;
  }

  /** Bytes of a content went to a neighbour, with one answer. */
  gave(contentId: ContentId, bytes: number): void {
    if (bytes === 0) return;
    const sums = this.#of(contentId);
    sums.givenBytes += bytes;
    sums.answered++;
  }

  /** Bytes of a content came from a neighbour, good or not. */
  took(contentId: ContentId, bytes: number): void {
    this.#of(contentId).takenBytes += bytes;
  }

  /** A request of a neighbour was answered with this status and no bytes. */
  refused(contentId: ContentId | null, status: number): void {
    const { refused } = this.#of(contentId);
    refused[status] = (refused[status] ?? 0) + 1;
  }

  /** Tells now what is not told yet: of one content that this node leaves, or of all of them. */
  tell(contentIds: Iterable<ContentId | null> = [...this.#sums.keys()]): void {
    for (const contentId of contentIds) {
      const sums = this.#sums.get(contentId);
      if (sums !== undefined) this.#emit({ type: 'swarm.moved', contentId, ...sums });
      this.#sums.delete(contentId);
    }
  }

  /** Tells the rest. What moves later is told too. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.tell();
  }

  #of(contentId: ContentId | null): Sums {
    const known = this.#sums.get(contentId);
    if (known !== undefined) return known;
    const sums: Sums = { givenBytes: 0, takenBytes: 0, answered: 0, refused: {} };
    this.#sums.set(contentId, sums);
    this.#timer ??= this.#clock.after(TELL_EVERY_MS, () => {
      this.#timer = null;
      this.tell();
    });
    return sums;
  }
}
