import type { Clock } from '../core/clock.ts';
import type { EmitEvent } from '../observe/events.ts';
import type { Logger } from '../observe/log.ts';
import type { Catalog } from './catalog.ts';
import type { ContentFiles } from './content-files.ts';
import type { Leases } from './leases.ts';
import type { RecordIndex } from './record-index.ts';
import type { Reservations } from './reservation.ts';

/** What the parts of the cache share: the truth in memory, on disk and in the index, and who uses what. */
export interface CacheParts {
  readonly catalog: Catalog;
  readonly index: RecordIndex;
  readonly files: ContentFiles;
  readonly leases: Leases;
  readonly reservations: Reservations;
  readonly clock: Clock;
  readonly log: Logger;
  readonly emit: EmitEvent;
}
