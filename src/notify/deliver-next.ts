import type { JobId } from '../core/ids.ts';
import type { EmitEvent } from '../observe/events.ts';
import type { Logger } from '../observe/log.ts';
import type { CommandRunner } from './command.ts';
import type { Lane } from './lane.ts';
import type { NotificationTarget, PendingNotification } from './notification.ts';
import type { Outbox } from './outbox.ts';
import type { Outcome } from './outcome.ts';
import type { PendingEntry } from './pending-index.ts';
import type { WebhookSender } from './webhook.ts';

/** What a delivery works with. */
export interface DeliveryDeps {
  readonly outbox: Outbox;
  readonly webhooks: WebhookSender;
  readonly commands: CommandRunner;
  readonly log: Logger;
  readonly emit: EmitEvent;
  /** Called when a way that failed may be tried again. */
  readonly attend: (jobId: JobId) => void;
}

/** One delivery on one way. */
interface Attempt {
  readonly way: 'webhook' | 'command';
  /** What to deliver; null when nothing waits for this way. */
  readonly entry: PendingEntry | null;
  readonly retryDelayMs: number;
  readonly deliver: (told: PendingNotification) => Promise<Outcome>;
}

/**
 * Delivers one notification of a job: the oldest by webhook; when there is no webhook or it fails, the oldest that runs
 * the command (BITS: only when the callback did not succeed). A webhook that failed for an older notification counts as
 * failing for all, so that the command can tell of the end of a job before the webhook got to know all about its files.
 * A failure sets when the way is tried again. True when there may be more to do at once. @throws NearbitsError E_IO
 */
export async function deliverNext(
  deps: DeliveryDeps,
  lane: Lane,
  target: NotificationTarget,
  signal: AbortSignal,
): Promise<boolean> {
  return (await byWebhook(deps, lane, target, signal)) || (await byCommand(deps, lane, target, signal));
}

async function byWebhook(
  deps: DeliveryDeps,
  lane: Lane,
  { webhook, retryDelayMs }: NotificationTarget,
  signal: AbortSignal,
): Promise<boolean> {
  if (webhook === null || lane.webhook.resting) return false;
  const entry = deps.outbox.index.oldest(lane.jobId);
  const deliver = (told: PendingNotification) => deps.webhooks.post(webhook, told, signal);
  return attempt(deps, lane, { way: 'webhook', entry, retryDelayMs, deliver }, signal);
}

async function byCommand(
  deps: DeliveryDeps,
  lane: Lane,
  { webhook, command, commandKinds, retryDelayMs }: NotificationTarget,
  signal: AbortSignal,
): Promise<boolean> {
  if (command === null || lane.command.resting) return false;
  if (webhook !== null && !lane.webhook.failing) return false;
  const entry = deps.outbox.index.oldest(lane.jobId, commandKinds);
  const deliver = (told: PendingNotification) => deps.commands.run(command, told, signal);
  return attempt(deps, lane, { way: 'command', entry, retryDelayMs, deliver }, signal);
}

async function attempt(
  deps: DeliveryDeps,
  lane: Lane,
  { way, entry, retryDelayMs, deliver }: Attempt,
  signal: AbortSignal,
): Promise<boolean> {
  if (entry === null || signal.aborted) return false;
  const { targets } = lane;
  const told = await deps.outbox.take(entry.id, way);
  if (told === undefined) {
    // A row that cannot be read any more is given up: it would block all behind it.
    await deps.outbox.remove(entry.id);
    return true;
  }
  const outcome = await deliver(told);
  if (outcome.result === 'delivered') return delivered(deps, lane, way, entry);
  if (signal.aborted) return false;
  tellFailure(deps, entry, way, outcome);
  if (lane.targets === targets) lane[way].failed(retryDelayMs, () => deps.attend(lane.jobId));
  return false;
}

async function delivered(
  deps: DeliveryDeps,
  lane: Lane,
  way: Attempt['way'],
  { id, jobId }: PendingEntry,
): Promise<true> {
  lane[way].reset();
  if (await deps.outbox.remove(id)) {
    deps.emit({ type: 'notification.delivered', jobId, notificationId: id, way });
  }
  return true;
}

function tellFailure(
  deps: DeliveryDeps,
  { id, jobId }: PendingEntry,
  way: Attempt['way'],
  outcome: Exclude<Outcome, { result: 'delivered' }>,
): void {
  const { message } = outcome;
  deps.log.warn({ jobId, notificationId: id, way, reason: message }, 'a notification could not be delivered');
  if (outcome.result === 'refused') deps.emit({ type: 'notification.refused', jobId, program: outcome.program });
  else deps.emit({ type: 'notification.failed', jobId, notificationId: id, way, message });
}
