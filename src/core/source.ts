import type { ByteRange } from './byte-range.ts';

/** Where bytes can come from. */
export type SourceKind = 'cache' | 'peer' | 'origin';

/**
 * Takes bytes in the order of the file. The chunk belongs to the sink from then
 * on. A returned promise means: send no more before it resolves.
 */
export type ByteSink = (chunk: Uint8Array) => void | Promise<void>;

/** Something that can deliver ranges of one version of one file. */
export interface Source {
  readonly kind: SourceKind;
  /** Unique among the sources of one transfer: `origin`, `cache`, or the peer's NodeId. */
  readonly id: string;
  /**
   * Hands exactly the bytes of `range` to `sink`, in order.
   * @throws NearbitsError with an E_ORIGIN_, E_PEER_ or E_CACHE_ code; bytes handed over before the failure stay good as far as the sink can prove them.
   */
  fetch(range: ByteRange, sink: ByteSink, signal: AbortSignal): Promise<void>;
}
