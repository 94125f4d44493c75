import type { Clock } from '../core/clock.ts';
import type { JobId } from '../core/ids.ts';
import type { Random } from '../core/random.ts';
import type { EmitEvent } from '../observe/events.ts';
import type { Logger } from '../observe/log.ts';
import type { CommandRunner } from './command.ts';
import { Lane } from './lane.ts';
import type { NotificationTarget, PendingNotification } from './notification.ts';
import type { Outbox } from './outbox.ts';
import type { Outcome } from './outcome.ts';
import { OwnerSlots } from './owner-slots.ts';
import type { PendingEntry } from './pending-index.ts';
import type { WebhookSender } from './webhook.ts';

/** BITS runs at most four notifications of a user at a time; four that hang hold up that user's others alone. */
export const DELIVERIES_PER_OWNER = 4;
/** How long a job rests when its target cannot be asked for. */
const TARGET_RETRY_MS = 60_000;

/** What the courier works with. */
export interface CourierDeps {
  readonly outbox: Outbox;
  readonly webhooks: WebhookSender;
  readonly commands: CommandRunner;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly emit: EmitEvent;
  readonly target: (jobId: JobId) => Promise<NotificationTarget | null>;
}

/**
 * Brings notifications to webhooks and commands: those of a job one at a time and in order on each way, the webhook first,
 * the command only when there is no webhook or it fails (BITS: only when the callback did not succeed). What
 * fails rests and is tried again. A webhook that failed for an older notification of the job counts as failing for all,
 * so that the command can tell of the end of a job before the webhook got to know all about its files.
 */
export class Courier {
  readonly #deps: CourierDeps;
  readonly #slots: OwnerSlots<Lane>;
  readonly #lanes = new Map<JobId, Lane>();
  readonly #running = new Set<Promise<void>>();
  readonly #stopping = new AbortController();

  constructor(deps: CourierDeps) {
    this.#deps = deps;
    this.#slots = new OwnerSlots({ run: (lane) => this.#run(lane) }, { perOwner: DELIVERIES_PER_OWNER });
  }

  /** Looks whether something of the job can be delivered. */
  attend(jobId: JobId): void {
    const lane = this.#stopping.signal.aborted ? null : this.#laneOf(jobId);
    if (lane === null) return;
    if (lane.busy) lane.again = true;
    else this.#slots.add(lane.owner, lane);
  }

  /** The target of the job changed: what failed before is tried at once. */
  wake(jobId: JobId): void {
    this.#lanes.get(jobId)?.reset();
    this.attend(jobId);
  }

  /** The job has no notifications any more. */
  forget(jobId: JobId): void {
    this.#lanes.get(jobId)?.reset();
    this.#lanes.delete(jobId);
  }

  /** Ends running deliveries, which count as not tried, and all timers; idempotent. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const jobId of [...this.#lanes.keys()]) this.forget(jobId);
    await Promise.all(this.#running);
  }

  #laneOf(jobId: JobId): Lane | null {
    const known = this.#lanes.get(jobId);
    if (known !== undefined) return known;
    const oldest = this.#deps.outbox.index.oldest(jobId);
    if (oldest === null) return null;
    const lane = new Lane(this.#deps, jobId, oldest.owner);
    this.#lanes.set(jobId, lane);
    return lane;
  }

  async #run(lane: Lane): Promise<void> {
    const running = this.#serve(lane);
    this.#running.add(running);
    await running;
    this.#running.delete(running);
  }

  async #serve(lane: Lane): Promise<void> {
    if (this.#lanes.get(lane.jobId) !== lane) return;
    lane.busy = true;
    lane.again = false;
    const moved = await this.#step(lane);
    lane.busy = false;
    if (this.#lanes.get(lane.jobId) !== lane) return;
    if (moved || lane.again) this.attend(lane.jobId);
    else if (!lane.resting) this.#lanes.delete(lane.jobId);
  }

  /** Delivers one notification; true when there may be more to do at once. */
  async #step(lane: Lane): Promise<boolean> {
    try {
      const target = await this.#deps.target(lane.jobId);
      if (target === null) return await this.#drop(lane.jobId);
      if (target.owner !== lane.owner) {
        lane.owner = target.owner;
        return true;
      }
      return (await this.#byWebhook(lane, target)) || (await this.#byCommand(lane, target));
    } catch (error) {
      this.#deps.log.error({ err: error, jobId: lane.jobId }, 'notifications of a job cannot be delivered now');
      if (this.#lanes.get(lane.jobId) === lane) lane.webhook.failed(TARGET_RETRY_MS, () => this.attend(lane.jobId));
      return false;
    }
  }

  async #drop(jobId: JobId): Promise<false> {
    await this.#deps.outbox.removeJob(jobId);
    this.forget(jobId);
    return false;
  }

  async #byWebhook(lane: Lane, target: NotificationTarget): Promise<boolean> {
    const { webhook, retryDelayMs } = target;
    if (webhook === null || lane.webhook.resting) return false;
    const oldest = this.#deps.outbox.index.oldest(lane.jobId);
    const deliver = (told: PendingNotification) => this.#deps.webhooks.post(webhook, told, this.#stopping.signal);
    return this.#attempt(lane, { way: 'webhook', entry: oldest, retryDelayMs, deliver });
  }

  async #byCommand(lane: Lane, target: NotificationTarget): Promise<boolean> {
    const { command, retryDelayMs } = target;
    if (command === null || lane.command.resting) return false;
    if (target.webhook !== null && !lane.webhook.failing) return false;
    const oldest = this.#deps.outbox.index.oldest(lane.jobId, target.commandKinds);
    const deliver = (told: PendingNotification) => this.#deps.commands.run(command, told, this.#stopping.signal);
    return this.#attempt(lane, { way: 'command', entry: oldest, retryDelayMs, deliver });
  }

  async #attempt(lane: Lane, attempt: Attempt): Promise<boolean> {
    const { way, entry } = attempt;
    if (entry === null || this.#stopping.signal.aborted) return false;
    const { targets } = lane;
    const told = await this.#deps.outbox.take(entry.id, way);
    // A row that cannot be read any more is given up: it would block all behind it.
    if (told === undefined) {
      await this.#deps.outbox.remove(entry.id);
      return true;
    }
    const outcome = await attempt.deliver(told);
    if (outcome.result === 'delivered') return this.#delivered(lane, attempt, entry);
    if (this.#stopping.signal.aborted) return false;
    this.#tellFailure(entry, way, outcome);
    if (lane.targets === targets) lane[way].failed(attempt.retryDelayMs, () => this.attend(lane.jobId));
    return false;
  }

  async #delivered(lane: Lane, { way }: Attempt, { id, jobId }: PendingEntry): Promise<true> {
    lane[way].reset();
    if (await this.#deps.outbox.remove(id)) {
      this.#deps.emit({ type: 'notification.delivered', jobId, notificationId: id, way });
    }
    return true;
  }

  #tellFailure(
    { id, jobId }: PendingEntry,
    way: Attempt['way'],
    outcome: Exclude<Outcome, { result: 'delivered' }>,
  ): void {
    const { message } = outcome;
    this.#deps.log.warn({ jobId, notificationId: id, way, reason: message }, 'a notification could not be delivered');
    if (outcome.result === 'refused')
      this.#deps.emit({ type: 'notification.refused', jobId, program: outcome.program });
    else this.#deps.emit({ type: 'notification.failed', jobId, notificationId: id, way, message });
  }
}

/** One delivery on one way. */
interface Attempt {
  readonly way: 'webhook' | 'command';
  /** What to deliver; null when nothing waits for this way. */
  readonly entry: PendingEntry | null;
  readonly retryDelayMs: number;
  readonly deliver: (told: PendingNotification) => Promise<Outcome>;
}
