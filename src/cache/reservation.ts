import { NearbitsError } from '../core/errors.ts';

/** Room in the cache that is promised to one piece of content; what is not used goes back when it is disposed. */
export interface Reservation extends AsyncDisposable {
  /** Bytes that are still promised. */
  readonly bytes: number;
}

/** Promised bytes that are being used; exactly one of the two is called, once. */
export interface Claim {
  /** The bytes are a record now. */
  used(): void;
  /** They are not; they go back to the reservation. */
  unused(): void;
}

/** Counts what is promised; a reservation is made by {@link Cache.reserve} alone, which makes the room first. */
export class Reservations {
  readonly #open = new Set<OpenReservation>();
  #bytes = 0;

  /** Bytes promised and not used yet. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Reservations that may still become a record. */
  get count(): number {
    return this.#open.size;
  }

  take(bytes: number): Reservation {
    const reservation = new OpenReservation(bytes, () => this.#release(reservation));
    this.#open.add(reservation);
    this.#bytes += bytes;
    return reservation;
  }

  /**
   * Moves `bytes` of a reservation to one of its own, so that nobody can give them back while they are being used.
   * @throws NearbitsError E_INVALID_ARGUMENT when the reservation is too small or was given back.
   */
  claim(reservation: Reservation, bytes: number): Claim {
    const open = reservation as OpenReservation;
    if (!this.#open.has(open) || open.bytes < bytes) {
      throw new NearbitsError('E_INVALID_ARGUMENT', `${bytes} bytes are to be cached, but ${open.bytes} are reserved`);
    }
    open.bytes -= bytes;
    return {
      used: () => {
        this.#bytes -= bytes;
      },
      unused: () => {
        if (this.#open.has(open)) open.bytes += bytes;
        else this.#bytes -= bytes;
      },
    };
  }

  #release(reservation: OpenReservation): void {
    if (!this.#open.delete(reservation)) return;
    this.#bytes -= reservation.bytes;
    reservation.bytes = 0;
  }
}

class OpenReservation implements Reservation {
  bytes: number;
  readonly #release: () => void;

  constructor(bytes: number, release: () => void) {
    this.bytes = bytes;
    this.#release = release;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#release();
  }
}
