import type { Clock } from '../core/clock.ts';
import type { JobId } from '../core/ids.ts';
import type { Random } from '../core/random.ts';
import { type DeliveryDeps, deliverNext } from './deliver-next.ts';
import { Lane } from './lane.ts';
import type { NotificationTarget } from './notification.ts';
import { OwnerSlots } from './owner-slots.ts';

/** BITS runs at most four notifications of a user at a time; four that hang hold up that user's others alone. */
export const DELIVERIES_PER_OWNER = 4;
/** How long a job rests when its target cannot be asked for. */
const TARGET_RETRY_MS = 60_000;

/** What the courier works with. */
export interface CourierDeps extends Omit<DeliveryDeps, 'attend'> {
  readonly clock: Clock;
  readonly random: Random;
  readonly target: (jobId: JobId) => Promise<NotificationTarget | null>;
}

/**
 * Brings notifications to webhooks and commands: those of a job one at a time and in order on each way, those of an owner
 * four at a time. What fails rests and is tried again.
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
      return await deliverNext(
        { ...this.#deps, attend: (jobId) => this.attend(jobId) },
        lane,
        target,
        this.#stopping.signal,
      );
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
}
