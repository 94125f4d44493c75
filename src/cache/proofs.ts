import type { Clock } from '../core/clock.ts';
import { type FileIdentity, sameIdentity } from '../core/file-identity.ts';
import type { RecordId } from '../core/ids.ts';
import { setNewest } from '../core/set-newest.ts';

/** Records whose proofs are remembered, those opened last; the marks of one take at most 8 KiB. */
const MAX_RECORDS = 64;
/** Older proofs do not count: a disk may lose bits of a file that nobody touches. In ms. */
const MAX_AGE_MS = 3_600_000;

/** Which pieces of one content file were hashed and found good, by their place in the record's list. */
export class ProvenPieces {
  readonly #marks: Uint8Array;

  constructor(count: number) {
    this.#marks = new Uint8Array(count);
  }

  has(index: number): boolean {
    return this.#marks[index] === 1;
  }

  add(index: number): void {
    this.#marks[index] = 1;
  }
}

interface Proof {
  readonly file: FileIdentity;
  readonly sinceMs: number;
  readonly pieces: ProvenPieces;
}

/**
 * Remembers which pieces of content files are good, so that a file which many neighbours fetch is hashed once and not
 * for each of them. A proof holds in this process, for an hour, and as long as the file system tells of no change of the
 * file. The files are the cache's alone, and whoever fetches a piece proves it again: this spares work, it is no gate.
 */
export class Proofs {
  readonly #clock: Clock;
  readonly #records = new Map<RecordId, Proof>();

  constructor(deps: { readonly clock: Clock }) {
    this.#clock = deps.clock;
  }

  /** What is proven of the content of a record that is as large as its `count` pieces and lies in `file`; take `file` before reading. */
  of(id: RecordId, file: FileIdentity, count: number): ProvenPieces {
    const known = this.#records.get(id);
    const proof = known !== undefined && this.#holds(known, file) ? known : this.#begin(file, count);
    setNewest(this.#records, id, proof, MAX_RECORDS);
    return proof.pieces;
  }

  #holds(proof: Proof, file: FileIdentity): boolean {
    return sameIdentity(proof.file, file) && this.#clock.monotonicMs() - proof.sinceMs < MAX_AGE_MS;
  }

  #begin(file: FileIdentity, count: number): Proof {
    return { file, sinceMs: this.#clock.monotonicMs(), pieces: new ProvenPieces(count) };
  }
}
