import { type FileRuns, piecesOf, runOf } from './file-runs.ts';

/** A lease that is not renewed for this long is over: two beats of a holder and a second for a busy machine. A dead owner is noticed within 2 s. */
export const LEASE_MS = 1_850;
/** A holder whose position has not moved for this long counts as late, however alive it says it is. */
export const STALLED_MS = 4_000;
/** A holder that has all of it gives it within this time. Without an anchor the whole file is looked at before that. */
export const VERDICT_MS = 60_000;
/** Nobody is called slow before it had this long. */
const FAIR_TRIAL_MS = 2_000;
/** A holder is slow below this part of the usual rate. */
const SLOW_PART = 0.25;
/** Hand-overs from owners that are alive may cost this part of the file in bytes that the origin sends twice. */
const HEDGE_PART = 0.02;
/** More leases at once than this are not noted: seats are 16, and a liar could name any number. */
const MAX_LEASES = 64;
/** Longer than this nobody waits for a slow owner, whatever the hand-over costs; that is less than a piece. */
const TOO_LONG_MS = 10_000;
/** How many finished leases the usual rate is taken from. */
const REMEMBERED_RATES = 9;

/** What an owner announces: it fetches the pieces `first <= index < end` from the origin. */
export interface LeaseFact {
  readonly first: number;
  readonly end: number;
  /** Bytes of the file up to here have arrived; it starts at the first byte of `first`. */
  readonly position: number;
  /** For how long it has been fetching. */
  readonly ageMs: number;
  /** The lease was taken from an owner that was late; that one stops. */
  readonly takenOver: boolean;
}

/** A lease as one node knows it. All times are monotonic times of this node. */
export interface Lease extends LeaseFact {
  readonly holder: string;
  readonly sinceMs: number;
  readonly heardMs: number;
  /** When the position moved last. */
  readonly movedMs: number;
}

/** The leases that one node has heard of, its own among them; one for each holder. */
export class LeaseBook {
  readonly #file: FileRuns;
  readonly #leases = new Map<string, Lease>();
  readonly #rates: number[] = [];
  #hedged = 0;

  constructor(file: FileRuns) {
    this.#file = file;
  }

  /** Bytes that hand-overs from living owners have cost, as far as this node knows. */
  get hedgedBytes(): number {
    return this.#hedged;
  }

  /** Bytes per millisecond of the leases that ended lately; 0 when none did. */
  get usualRate(): number {
    return median(this.#rates);
  }

  /** Notes a new lease, a renewed one, or with null that the holder has none any more. */
  hear(holder: string, said: LeaseFact | null, nowMs: number): void {
    const fact = said === null ? null : this.#bounded(said);
    const known = this.#leases.get(holder);
    if (known !== undefined && (fact === null || fact.first !== known.first)) this.#close(known, nowMs);
    if (fact === null || (known === undefined && !this.#hasRoom(nowMs))) return;
    const same = known?.first === fact.first ? known : null;
    if (same === null && fact.takenOver) this.#countHedge(holder, fact);
    const moved = same === null || fact.position > same.position;
    const sinceMs = same?.sinceMs ?? nowMs - fact.ageMs;
    this.#leases.set(holder, { ...fact, holder, sinceMs, heardMs: nowMs, movedMs: moved ? nowMs : same.movedMs });
  }

  /** Notes a lease that somebody else told of, who heard its holder `silentMs` ago; not when newer things are known. */
  hearOf(holder: string, fact: LeaseFact, silentMs: number, nowMs: number): void {
    const heardMs = nowMs - Math.max(0, silentMs);
    const known = this.#leases.get(holder);
    if (silentMs > LEASE_MS || (known !== undefined && known.heardMs >= heardMs)) return;
    this.hear(holder, fact, nowMs);
    const lease = this.#leases.get(holder);
    if (lease !== undefined) this.#leases.set(holder, { ...lease, heardMs });
  }

  /** Drops the lease of a holder that is gone or banned; nothing is learned from its rate. */
  drop(holder: string): void {
    this.#leases.delete(holder);
  }

  /** The lease of a holder, when it has a live one. */
  of(holder: string, nowMs: number): Lease | null {
    const lease = this.#leases.get(holder);
    return lease !== undefined && isLive(lease, nowMs) ? lease : null;
  }

  /** The holder is still at it, whether it came further or not. For the own lease: nobody else renews that. */
  renew(holder: string, nowMs: number): Lease | null {
    const lease = this.#leases.get(holder);
    if (lease === undefined) return null;
    const renewed = { ...lease, heardMs: nowMs };
    this.#leases.set(holder, renewed);
    return renewed;
  }

  /** All live leases. */
  live(nowMs: number): Lease[] {
    return [...this.#leases.values()].filter((lease) => isLive(lease, nowMs));
  }

  /** Live leases of others that have a piece in common with that of a holder. */
  rivals(holder: string, nowMs: number): Lease[] {
    const own = this.of(holder, nowMs);
    return own === null ? [] : this.live(nowMs).filter((lease) => lease.holder !== holder && overlap(lease, own));
  }

  /**
   * Live leases whose holder is stalled or far slower than usual. Once hand-overs have cost their share, only those for
   * which all would have to wait too long. `told` are the usual rates that partners name: who came late has seen none.
   */
  late(nowMs: number, told: readonly number[] = []): Lease[] {
    const seen = this.#rates.length > 0 ? this.#rates : told.filter((rate) => rate > 0);
    const usual = median([...seen, ...this.live(nowMs).map((lease) => this.#rate(lease, nowMs))]);
    return this.live(nowMs).filter((lease) => {
      const stillMs = nowMs - lease.movedMs;
      if (isFetched(lease, this.#file)) return stillMs > VERDICT_MS;
      if (stillMs > STALLED_MS) return true;
      const rate = this.#rate(lease, nowMs);
      if (nowMs - lease.sinceMs < FAIR_TRIAL_MS || rate >= SLOW_PART * usual) return false;
      return this.#affordable(lease) || (lease.end * this.#file.pieceSize - lease.position) / rate > TOO_LONG_MS;
    });
  }

  // Nobody can hold more than the rest of one run, whatever it says.
  #bounded({ first, end, position, ageMs, takenOver }: LeaseFact): LeaseFact | null {
    if (first < 0 || first >= this.#file.pieces) return null;
    const last = Math.min(end, piecesOf(runOf(first, this.#file), this.#file).end);
    const { pieceSize } = this.#file;
    const at = Math.max(first * pieceSize, Math.min(position, last * pieceSize));
    return { first, end: last, position: at, ageMs: Math.max(0, ageMs), takenOver };
  }

  #hasRoom(nowMs: number): boolean {
    if (this.#leases.size < MAX_LEASES) return true;
    for (const lease of this.#leases.values()) if (!isLive(lease, nowMs)) this.#leases.delete(lease.holder);
    return this.#leases.size < MAX_LEASES;
  }

  #affordable(lease: Lease): boolean {
    const budget = Math.max(this.#file.pieceSize, HEDGE_PART * this.#file.size);
    return this.#hedged + this.#unproven(lease) <= budget;
  }

  // The bytes of a piece that is not complete are lost when another owner goes on.
  #unproven({ position }: LeaseFact): number {
    return position % this.#file.pieceSize;
  }

  #countHedge(holder: string, fact: LeaseFact): void {
    for (const lease of this.#leases.values()) {
      if (lease.holder !== holder && overlap(lease, fact)) this.#hedged += this.#unproven(lease);
    }
  }

  #close(lease: Lease, nowMs: number): void {
    this.#leases.delete(lease.holder);
    this.#rates.push(this.#rate(lease, nowMs));
    if (this.#rates.length > REMEMBERED_RATES) this.#rates.shift();
  }

  #rate(lease: Lease, nowMs: number): number {
    return (lease.position - lease.first * this.#file.pieceSize) / Math.max(1, nowMs - lease.sinceMs);
  }
}

// One very fast or very slow owner must not decide what is usual.
function median(rates: readonly number[]): number {
  const sorted = [...rates].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

function isLive(lease: Lease, nowMs: number): boolean {
  return nowMs - lease.heardMs <= LEASE_MS;
}

/** Whether two leases have a piece in common. */
export function overlap(a: { first: number; end: number }, b: { first: number; end: number }): boolean {
  return a.first < b.end && b.first < a.end;
}

/** Whether all bytes of a lease are there, as its holder says. */
export function isFetched({ end, position }: LeaseFact, { size, pieceSize }: FileRuns): boolean {
  return position >= Math.min(size, end * pieceSize);
}
