import type { Clock } from '../core/clock.ts';
import type { Random } from '../core/random.ts';
import type { FetchDeps } from '../fetch/deps.ts';
import type { EmitEvent } from '../observe/events.ts';
import type { Logger } from '../observe/log.ts';
import type { OriginClient } from '../origin/origin-client.ts';
import type { AgeClock } from '../plan/age-clock.ts';
import type { Vault } from '../security/vault.ts';
import type { Job } from './job.ts';
import type { JobState } from './model/state.ts';
import type { NotificationKind } from './model/view.ts';
import type { NotifiedFile } from './notifier.ts';
import type { JobStore } from './store/job-store.ts';

/** What the administrator decided about jobs, as it stands now. */
export interface JobPolicy {
  readonly maxPerMachine: number;
  readonly maxPerUser: number;
  readonly maxFilesPerJob: number;
  readonly maxRangesPerFile: number;
  readonly inactivityTimeoutMs: number;
  readonly maxDownloadTimeMs: number;
  readonly timeSliceMs: number;
  /** Programs that notify commands may start. */
  readonly notifyPrograms: readonly string[];
  /** The one bit of the cost flags that describes the network now (BITS_COST_STATE_*). */
  readonly networkCost: number;
}

/** What the parts of the job service share. */
export interface JobContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly emit: EmitEvent;
  readonly store: JobStore;
  readonly vault: Vault;
  /** For spans of days, which a wrong date must not end. */
  readonly age: AgeClock;
  /** What fetching works with, but for the origin, which depends on the job. */
  readonly fetch: Omit<FetchDeps, 'origin'>;
  /** The client for origins with the machine's settings. */
  readonly origin: () => OriginClient;
  readonly policy: () => JobPolicy;
  /** Aborts when the service stops. */
  readonly stopping: AbortSignal;
  /** Changes the state of a job and tells everybody who watches. */
  readonly move: (job: Job, to: JobState) => void;
  /** Something of the job changed that callers can see: those who wait for it look again. */
  readonly changed: (job: Job) => void;
  /** Tells the owner, when the job's flags say so; durable once it resolves. */
  readonly notify: (job: Job, kind: NotificationKind, what?: NotifiedFile) => Promise<void>;
  /** Stores what happened to a job, and in the same step what its owner is told: a crash loses both or none. */
  readonly recordAndNotify: (job: Job, kind: NotificationKind, what?: NotifiedFile) => Promise<void>;
}
