import { z } from 'zod';
import type { JobId } from '../core/ids.ts';
import type { JsonValue } from '../core/json.ts';

/**
 * What the notification center is given and gives: facts about jobs whose content it does not look into. A notification
 * is pending until a subscriber acknowledges it, the webhook of its job answers 2xx, or the command of its job exits
 * with 0 (BITS: until the callback returns S_OK).
 */

/** Kinds that end a run of a job. Only these run the command (BITS: SetNotifyCmdLine), and they are dropped last. */
export const FINAL_KINDS = ['transferred', 'error'] as const;
export type FinalKind = (typeof FINAL_KINDS)[number];

/** Something to tell the owner of a job. */
export interface NotificationInput {
  readonly jobId: JobId;
  /** Who owned the job when it happened: only this user, and administrators, get to see the notification. */
  readonly owner: string;
  readonly kind: string;
  /** False for modifications: of these only the newest of a job is kept, and they are the first to be dropped. */
  readonly urgent: boolean;
  /** Handed on as it is; at most {@link MAX_DATA_BYTES} as JSON. */
  readonly data: JsonValue;
}

/** A notification on its way to one receiver. */
export interface PendingNotification extends NotificationInput {
  /** Sixteen digits that sort by age and never repeat on this node. */
  readonly id: string;
  /** When it was told, in milliseconds since 1970. */
  readonly atMs: number;
  /** How often it was handed out on this way since the node started, from 1. */
  readonly attempt: number;
}

/** Where the notifications of a job go, beside its subscribers. */
export interface NotificationTarget {
  /** Who owns the job now: whose four deliveries at a time its deliveries count among. */
  readonly owner: string;
  readonly webhook: { readonly url: string; readonly secret: string } | null;
  readonly command: { readonly program: string; readonly parameters: readonly string[] } | null;
  /** Least time between two tries of the same way, in ms (BITS: minimum retry delay). */
  readonly retryDelayMs: number;
  /** Which kinds run the command. */
  readonly commandKinds: readonly FinalKind[];
}

/** Most bytes that the data of one notification may have as JSON. */
export const MAX_DATA_BYTES = 256 * 1024;

/** The stored form. Rows that do not fit are skipped: a later release may have written them. */
export const NotificationRow = z.object({
  v: z.literal(1),
  jobId: z.string() as unknown as z.ZodType<JobId>,
  owner: z.string(),
  kind: z.string(),
  urgent: z.boolean(),
  atMs: z.number(),
  // Rows are parsed from JSON, so whatever is there is a JSON value.
  data: z.custom<JsonValue>((value) => value !== undefined),
});
export type NotificationRow = z.output<typeof NotificationRow>;
