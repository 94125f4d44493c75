import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { covers } from './support/covers.ts';
import { outcome } from './support/in-state.ts';
import { JobBench } from './support/job-bench.ts';

let bench: JobBench;
beforeAll(async () => {
  bench = await JobBench.open();
});
afterAll(() => bench[Symbol.asyncDispose]());

/** The statuses of one row; what its jobs come to. */
interface Case {
  readonly row: string;
  readonly statuses: readonly number[];
  readonly state: 'ERROR' | 'TRANSIENT_ERROR';
}

/** Statuses that the reference names one by one. */
const NAMED = [400, 401, 404, 407, 414, 501, 503, 504, 505];
const CASES: readonly Case[] = [
  { row: 'E.4/http/3xx', statuses: [306, 310, 399], state: 'TRANSIENT_ERROR' },
  { row: 'E.4/http/300-305-307', statuses: [300, 301, 302, 303, 304, 305, 307, 308], state: 'ERROR' },
  { row: 'E.4/http/4xx', statuses: [400, 401, 403, 404, 405, 407, 410, 411, 414, 418, 451, 499], state: 'ERROR' },
  { row: 'E.4/http/408-409', statuses: [408, 409], state: 'TRANSIENT_ERROR' },
  { row: 'E.4/http/5xx', statuses: [500, 502, 503, 504, 507, 599], state: 'TRANSIENT_ERROR' },
  { row: 'E.4/http/501-505', statuses: [501, 505], state: 'ERROR' },
  { row: 'E.4/http/other', statuses: [600, 999], state: 'TRANSIENT_ERROR' },
];

describe.each(CASES)('$row', ({ row, statuses, state }) => {
  for (const status of statuses) {
    const rows = [row, 'H/error/hresult', ...(NAMED.includes(status) ? [`H/BG_E_HTTP_ERROR_${status}`] : [])];
    it(covers(rows, String(status)), async () => {
      const job = await outcome(bench.admin, { files: [bench.file({ faults: { status } }).add] });
      expect(job).toMatchObject({ state, error: { code: `BG_E_HTTP_ERROR_${status}`, context: 'REMOTE_FILE' } });
      expect(job.error?.hresult).toBe(`0x${(0x80190000 + status).toString(16).toUpperCase()}`);
      expect(job.retryAtMs === null).toBe(state === 'ERROR');
    });
  }
});
