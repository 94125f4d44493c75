import type { NodeId } from '../core/ids.ts';
import type { ShareVerdict } from '../origin/share.ts';

/** Bytes that came in during one round, by the kind of their source, and who gave some. */
export interface FetchedBytes {
  readonly cache: number;
  readonly peer: number;
  readonly origin: number;
  readonly givers: readonly NodeId[];
}

/** One way of getting one version of a file: alone (fetch-round.ts) or together with others (fetch-together.ts). */
export interface Round {
  /**
   * Runs until the part file is complete, or what is wanted of it is there.
   * @throws NearbitsError when no source can complete it, or the reason of the signal.
   */
  run(signal: AbortSignal): Promise<void>;
  readonly fetched: FetchedBytes;
  /** Whether each piece was compared with those of the descriptor as it came, so that none can be wrong. */
  readonly isProven: boolean;
  /** What the origin's last answer said about sharing; allowed where the origin was not asked. */
  readonly share: ShareVerdict;
  /** The complete file was found right and is sealed. */
  accepted(): Promise<void>;
  /** The complete file is not what it should be, or will not be looked at. */
  refused(): void;
}
