import type { Caller } from '../core/caller.ts';
import type { JobId } from '../core/ids.ts';
import type { JsonValue } from '../core/json.ts';
import type { NotificationTarget, PendingNotification } from '../notify/notification.ts';
import { FINAL_KINDS } from '../notify/notification.ts';
import { NotificationCenter, type NotificationCenterDeps } from '../notify/notification-center.ts';
import type { Vault } from '../security/vault.ts';
import type { WriteOp } from '../store/database.ts';
import type { Job } from './job.ts';
import type { JobTable } from './job-table.ts';
import { NOTIFY } from './model/properties.ts';
import type { FilledRange, JobNotification, NotificationKind } from './model/view.ts';
import { unsealSecrets } from './store/secrets.ts';

const FLAG: Readonly<Record<NotificationKind, number>> = {
  transferred: NOTIFY.transferred,
  error: NOTIFY.error,
  modification: NOTIFY.modification,
  'file-transferred': NOTIFY.fileTransferred,
  'file-ranges-transferred': NOTIFY.fileRangesTransferred,
};

/** Which file of a job is told of, and which of its ranges. */
export interface NotifiedFile {
  readonly file: number;
  readonly ranges?: readonly FilledRange[];
}

/** What the notifier works with. */
export interface NotifierDeps extends Omit<NotificationCenterDeps, 'target'> {
  readonly jobs: JobTable;
  readonly vault: Vault;
  /** Programs that the administrator allows for notify commands. */
  readonly allowedPrograms: () => readonly string[];
}

/** Tells owners of jobs what happened to them, as the flags of each job say (BITS: SetNotifyFlags). */
export class Notifier {
  readonly #deps: NotifierDeps;
  readonly #center: NotificationCenter;

  private constructor(deps: NotifierDeps, center: NotificationCenter) {
    this.#deps = deps;
    this.#center = center;
  }

  /** Begins to deliver what is pending; the jobs must be loaded. */
  static async open(deps: NotifierDeps): Promise<Notifier> {
    const { jobs, vault, allowedPrograms } = deps;
    const target = async (id: JobId) => targetOf(jobs.find(id), vault);
    return new Notifier(deps, await NotificationCenter.open({ ...deps, target }, { allowedPrograms }));
  }

  /**
   * Tells one thing, unless the flags of the job do not want it; modifications keep their distance. What is `together`
   * with it is stored in the same step, also when nothing is told.
   */
  async notify(job: Job, kind: NotificationKind, what?: NotifiedFile, together: WriteOp[] = []): Promise<void> {
    if (!this.#isWanted(job, kind)) return this.#deps.database.write(together);
    const { owner, state, error, properties } = job.record;
    const shown = { displayName: properties.displayName, state, error };
    const data = { file: what?.file ?? null, ranges: what?.ranges ?? null, job: shown } as unknown as JsonValue;
    await this.#center.tell({ jobId: job.id, owner, kind, urgent: kind !== 'modification', data }, together);
  }

  /** See JobBackend.notifications. */
  async *stream(caller: Caller, jobId: JobId | null, signal: AbortSignal): AsyncGenerator<JobNotification> {
    const filter = { owner: caller.administrator ? null : caller.name, jobId };
    for await (const pending of this.#center.stream(filter, signal)) yield notificationOf(pending);
  }

  /** See JobBackend.acknowledge. */
  async acknowledge(caller: Caller, id: string): Promise<void> {
    await this.#center.acknowledge(id, caller.administrator ? null : caller.name);
  }

  /** The job ended: nothing more is told about it. */
  async forget(id: JobId): Promise<void> {
    await this.#center.forget(id);
  }

  /** Where the job's notifications go was changed. */
  wake(id: JobId): void {
    this.#center.wake(id);
  }

  async stop(): Promise<void> {
    await this.#center.stop();
  }

  #isWanted(job: Job, kind: NotificationKind): boolean {
    const { notifyFlags, minimumNotificationIntervalMs } = job.record.properties;
    if ((notifyFlags & NOTIFY.disable) !== 0 || (notifyFlags & FLAG[kind]) === 0) return false;
    if (kind !== 'modification') return true;
    // BITS: not for jobs that are TRANSFERRED or in ERROR, whose own notification says it all.
    if (job.state === 'TRANSFERRED' || job.state === 'ERROR') return false;
    const now = this.#deps.clock.monotonicMs();
    if (now - job.modificationToldMs < minimumNotificationIntervalMs) return false;
    job.modificationToldMs = now;
    return true;
  }
}

function targetOf(job: Job | null, vault: Vault): NotificationTarget | null {
  // Of a job that its caller ended nothing is pending any more; one that completed itself still tells.
  if (job === null) return null;
  const { owner, properties, secrets } = job.record;
  const { webhookSecret } = unsealSecrets(vault, job.id, secrets);
  const { webhook, notifyCommand, minimumRetryDelaySeconds } = properties;
  return {
    owner,
    webhook: webhook === null || webhookSecret === null ? null : { url: webhook.url, secret: webhookSecret },
    command: notifyCommand,
    retryDelayMs: minimumRetryDelaySeconds * 1000,
    commandKinds: FINAL_KINDS,
  };
}

function notificationOf(pending: PendingNotification): JobNotification {
  const { id, jobId, owner, kind, atMs, attempt, data } = pending;
  const told = data as unknown as Pick<JobNotification, 'file' | 'ranges' | 'job'>; // made by notify() above
  return { id, jobId, owner, kind: kind as NotificationKind, atMs, attempt, ...told };
}
