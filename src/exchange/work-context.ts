import type { ByteRange } from '../core/byte-range.ts';
import type { Clock } from '../core/clock.ts';
import type { SourceKind } from '../core/source.ts';
import type { Swarm } from '../plan/swarm/swarm.ts';
import type { FetchTarget } from '../transfer/active-source.ts';
import type { PartFile } from '../transfer/part-file.ts';
import type { Note } from '../transfer/trace.ts';
import type { ExchangeContent } from './content.ts';
import type { Participant } from './participant.ts';
import type { PieceList } from './piece-list.ts';
import type { ExchangeSide } from './side.ts';

/** What one fetch of one content works with. */
export interface WorkContext {
  readonly content: ExchangeContent;
  readonly participant: Participant;
  readonly swarm: Swarm;
  readonly list: PieceList;
  readonly part: PartFile;
  readonly clock: Clock;
  readonly note: Note;
  readonly side: () => ExchangeSide | null;
  /** How often the origin may fail in a row without a new byte. */
  readonly originRetries: number;
  /** Aborts when the fetch ends, whatever ends it. */
  readonly signal: AbortSignal;
  /** Where bytes of a kind of source go; `onPiece` hears of each piece that is written and proven. */
  target(kind: SourceKind, onPiece: (piece: number) => void): FetchTarget;
  /** Ends the fetch with a failure that nobody can help. */
  fail(error: unknown): void;
}

/** Who hears of the bytes of a fetch. */
export interface WorkListener {
  /** Told at every chunk. */
  onBytes(kind: SourceKind, bytes: number): void;
  /** Told of each stretch that is written and proven. */
  onProven(range: ByteRange): void;
}
