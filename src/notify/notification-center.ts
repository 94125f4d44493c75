import type { Clock } from '../core/clock.ts';
import type { JobId } from '../core/ids.ts';
import type { Random } from '../core/random.ts';
import type { EmitEvent } from '../observe/events.ts';
import type { Logger } from '../observe/log.ts';
import type { Database, WriteOp } from '../store/database.ts';
import { CommandRunner } from './command.ts';
import { Courier } from './courier.ts';
import type { NotificationInput, NotificationTarget, PendingNotification } from './notification.ts';
import { OUTBOX_LIMITS, Outbox, type OutboxLimits } from './outbox.ts';
import type { PendingFilter } from './pending-index.ts';
import { Subscriptions } from './subscriptions.ts';
import { WebhookSender } from './webhook.ts';

/** What the notification center works with. */
export interface NotificationCenterDeps {
  /** Holds the tables `notifications` and `notification-counter`. */
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly emit: EmitEvent;
  /** Where the notifications of a job go; null when the job is gone, which drops them. Asked before each delivery. */
  readonly target: (jobId: JobId) => Promise<NotificationTarget | null>;
}

/** What the administrator allows, and how much is kept. */
export interface NotificationCenterOptions {
  /** Programs that commands may run, as absolute paths; asked at each run, so that a change counts at once. Empty: none. */
  readonly allowedPrograms: () => readonly string[];
  /** Whether notifications may be posted to this http or https URL; all may when it is left out. */
  readonly webhookAllowed?: (url: string) => boolean;
  readonly limits?: OutboxLimits;
}

/**
 * Tells the owners of jobs what happened, at least once: to subscribers until one of them acknowledges it, and by webhook
 * or command until it arrived. What is not delivered yet survives restarts of the node.
 */
export class NotificationCenter {
  readonly #outbox: Outbox;
  readonly #deps: NotificationCenterDeps;
  readonly #webhooks: WebhookSender;
  readonly #courier: Courier;
  readonly #subscriptions: Subscriptions;
  readonly #stopping = new AbortController();

  private constructor(deps: NotificationCenterDeps, options: NotificationCenterOptions, outbox: Outbox) {
    const { allowedPrograms, webhookAllowed = () => true } = options;
    this.#deps = deps;
    this.#outbox = outbox;
    this.#webhooks = new WebhookSender(deps, { webhookAllowed });
    const commands = new CommandRunner(deps, { allowedPrograms });
    this.#courier = new Courier({ ...deps, outbox, webhooks: this.#webhooks, commands });
    this.#subscriptions = new Subscriptions({ outbox });
  }

  /**
   * Reads what is pending and begins to deliver it, so `target` must be able to answer when this is called.
   * @throws NearbitsError E_IO
   */
  static async open(deps: NotificationCenterDeps, options: NotificationCenterOptions): Promise<NotificationCenter> {
    const outbox = await Outbox.open(deps, options.limits ?? OUTBOX_LIMITS);
    const center = new NotificationCenter(deps, options, outbox);
    for (const jobId of outbox.index.jobs()) center.#courier.attend(jobId);
    return center;
  }

  /**
   * Stores a notification, which then survives `kill -9`, and begins to deliver it. A modification replaces the one of the
   * same job that still waits. When too many wait, some are dropped: see {@link Outbox}. What is `together` with it is
   * stored in the same step.
   * @throws NearbitsError E_INVALID_ARGUMENT when its data is larger than 256 KiB as JSON, E_DISK_FULL or E_IO
   */
  async tell(input: NotificationInput, together: readonly WriteOp[] = []): Promise<void> {
    await this.#outbox.add(input, together);
    this.#subscriptions.ring();
    this.#courier.attend(input.jobId);
  }

  /**
   * The pending notifications that the filter lets through, old ones first, then new ones as they come. Each new stream begins
   * at the oldest one again. Ends when the signal aborts or the center stops; holds one notification in memory at a time.
   * @throws NearbitsError E_IO
   */
  stream(filter: PendingFilter, signal: AbortSignal): AsyncIterable<PendingNotification> {
    return this.#subscriptions.read(filter, AbortSignal.any([signal, this.#stopping.signal]));
  }

  /**
   * Ends the delivery of a notification on all ways. False when there is none of that id, or it belongs to another than
   * `owner`; null stands for an administrator, who may end all.
   * @throws NearbitsError E_IO
   */
  async acknowledge(id: string, owner: string | null): Promise<boolean> {
    const entry = this.#outbox.index.get(id);
    if (entry === undefined || (owner ?? entry.owner) !== entry.owner) return false;
    if (!(await this.#outbox.remove(id))) return false;
    const { jobId } = entry;
    this.#deps.emit({ type: 'notification.delivered', jobId, notificationId: id, way: 'subscriber' });
    return true;
  }

  /** Drops all notifications of a job. @throws NearbitsError E_IO */
  async forget(jobId: JobId): Promise<void> {
    await this.#outbox.removeJob(jobId);
    this.#courier.forget(jobId);
  }

  /** The target of the job changed: what waits is tried at once, also what happened before there was a target. */
  wake(jobId: JobId): void {
    this.#courier.wake(jobId);
  }

  /**
   * Ends all streams and running deliveries; a command that runs is ended and runs again after the next start. The
   * database stays open. Idempotent.
   */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#courier.stop();
    await this.#webhooks.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
