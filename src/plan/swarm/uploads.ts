/** What a node gives to its neighbours; set by policy. The rate is the pace of the content channel. */
export interface UploadLimits {
  /** Requests answered at once. */
  readonly requests: number;
  /** Neighbours served at once. */
  readonly clients: number;
}

/**
 * Sharing pieces: short answers to many. Eight of 1 MiB keep the memory small and a link of 1 Gbit/s busy.
 * Three clients, as for whole files, would make a swarm wait for places while links are idle.
 */
export const PIECE_UPLOADS: UploadLimits = { requests: 8, clients: 32 };
/** Giving whole files: whoever has all of it sooner can pass it on sooner, so few at a time. */
export const FILE_UPLOADS: UploadLimits = { requests: 6, clients: 3 };

/** A client that asks for nothing for this long gives its place free. */
const IDLE_MS = 500;

/** Decides which requests of neighbours are answered now; the others hear that the node is busy. */
export class UploadSlots {
  #limits: UploadLimits;
  readonly #clients = new Map<string, { active: number; lastMs: number }>();
  #active = 0;

  constructor(limits: UploadLimits) {
    this.#limits = limits;
  }

  /** Answers running now. */
  get active(): number {
    return this.#active;
  }

  /** Takes new limits; answers that run go on. */
  update(limits: UploadLimits): void {
    this.#limits = limits;
  }

  /**
   * Takes a place for one answer; false when the client is to come again later. While the user's own foreground job
   * runs, which is not about this content, half of the places stay empty: `ownForeground`.
   */
  admit(client: string, nowMs: number, ownForeground: boolean): boolean {
    for (const [id, { active, lastMs }] of this.#clients) {
      if (active === 0 && nowMs - lastMs > IDLE_MS) this.#clients.delete(id);
    }
    const places = (limit: number) => (ownForeground ? Math.max(1, limit >> 1) : limit);
    const known = this.#clients.get(client);
    if (this.#active >= places(this.#limits.requests)) return false;
    if (known === undefined && this.#clients.size >= places(this.#limits.clients)) return false;
    this.#clients.set(client, { active: (known?.active ?? 0) + 1, lastMs: nowMs });
    this.#active++;
    return true;
  }

  /** Gives the place of one answer back. */
  done(client: string, nowMs: number): void {
    const known = this.#clients.get(client);
    if (known === undefined || known.active === 0) return;
    this.#active--;
    this.#clients.set(client, { active: known.active - 1, lastMs: nowMs });
  }
}
