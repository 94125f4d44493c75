import type { Clock } from '../core/clock.ts';
import type { JobId } from '../core/ids.ts';
import type { Random } from '../core/random.ts';
import { Backoff } from './backoff.ts';

/** How far the deliveries of one job are. */
export class Lane {
  readonly jobId: JobId;
  /** Whose slots its deliveries take. */
  owner: string;
  /** Whether one of its deliveries runs. */
  busy = false;
  /** Whether something happened while one ran, so that it is looked at again. */
  again = false;
  /** Counts the changes of the target: what was learned of an older one is forgotten. */
  targets = 0;
  readonly webhook: Backoff;
  readonly command: Backoff;

  constructor(deps: { readonly clock: Clock; readonly random: Random }, jobId: JobId, owner: string) {
    this.jobId = jobId;
    this.owner = owner;
    this.webhook = new Backoff(deps);
    this.command = new Backoff(deps);
  }

  /** Whether a timer will bring it up again. */
  get resting(): boolean {
    return this.webhook.resting || this.command.resting;
  }

  /** Starts anew, with no failures behind it. */
  reset(): void {
    this.targets++;
    this.webhook.reset();
    this.command.reset();
  }
}
