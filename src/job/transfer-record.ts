import { z } from 'zod';
import { TraceEntry, TransferRequest, TransferView } from './view.ts';

/** A transfer as it lies in the store; `format` grows when the shape changes. */
export const TransferRecord = z.strictObject({
  format: z.literal(1),
  request: TransferRequest,
  view: TransferView,
  /** Set just before the part file is renamed, so that a crash right after the rename is told from one before it. */
  handingOver: z.boolean(),
});
export type TransferRecord = z.output<typeof TransferRecord>;

/** The decisions of one transfer, stored apart because they are larger and read rarely. */
export const TraceRecord = z.array(TraceEntry).max(1000);
export type TraceRecord = z.output<typeof TraceRecord>;

/** Ended transfers beyond this many are forgotten, oldest first. */
export const MAX_ENDED_TRANSFERS = 1000;
