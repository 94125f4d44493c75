import { z } from 'zod';
import { TraceEntry } from '../model/transfer-view.ts';

/** The decisions of one job, stored apart because they are larger and read rarely. */
export const TraceRecord = z.array(TraceEntry).max(1000);
