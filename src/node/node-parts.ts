import type { ReloadResult } from '../api/views.ts';
import type { Cache } from '../cache/cache.ts';
import type { ConfigStore } from '../config/store.ts';
import type { Membership } from '../domain/membership.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Sharing } from '../fetch/deps.ts';
import type { OpenJobs } from '../job/open-jobs.ts';
import type { EventBus } from '../observe/events.ts';
import type { Identity } from '../peer/identity.ts';
import type { Roster } from '../peer/roster.ts';
import type { NodePaths } from '../platform/paths.ts';
import type { PeerSide } from './peer-side.ts';
import type { TotalsCounter } from './totals.ts';

/** The parts of a running node, as its backend and its status see them. */
export interface NodeParts {
  readonly paths: NodePaths;
  readonly identity: Identity;
  readonly config: ConfigStore;
  readonly events: EventBus;
  readonly cache: Cache;
  readonly roster: Roster;
  readonly exchange: Pick<Exchange, 'list'>;
  readonly jobs: OpenJobs;
  readonly totals: TotalsCounter;
  readonly startedMs: number;
  /** Aborted when the node stops. */
  readonly stopping: AbortSignal;
  readonly membership: () => Membership | null;
  /** The neighbours' side, or why there is none. */
  readonly peers: () => Sharing<PeerSide>;
  readonly reload: () => Promise<ReloadResult>;
  readonly requestStop: () => void;
}
