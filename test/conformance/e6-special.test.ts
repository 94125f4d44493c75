import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { covers } from './support/covers.ts';
import { CUT, jobIn, outcome, SENT_BYTES } from './support/in-state.ts';
import { codeOf } from './support/job-api.ts';
import { JobBench } from './support/job-bench.ts';

let bench: JobBench;
beforeAll(async () => {
  bench = await JobBench.open();
});
afterAll(() => bench[Symbol.asyncDispose]());

const AFTER_RESUME = 'BG_E_READ_ONLY_PROPERTY_AFTER_RESUME';
const NEEDS_GET = 'BG_E_NOT_SUPPORTED_WITH_CUSTOM_HTTP_METHOD';

describe('HTTP method', () => {
  it(covers('E.6/httpMethod/other'), async () => {
    const { file } = await jobIn('TRANSFERRED', bench, { job: { httpMethod: 'POST' } });
    const methods = bench.origin.seen.filter(({ path }) => path === file.path).map(({ method }) => method);
    expect(methods).toEqual(['POST']);
  });

  it(covers('E.6/httpMethod/foreground'), async () => {
    const { id, properties } = await bench.admin.create({ httpMethod: 'POST', priority: 'LOW' });
    expect(properties.priority).toBe('FOREGROUND');
    expect(await codeOf(bench.admin.set(id, { priority: 'LOW' }))).toBe(NEEDS_GET);
    const later = await bench.admin.create({ priority: 'LOW' });
    expect((await bench.admin.set(later.id, { httpMethod: 'PUT' })).properties.priority).toBe('FOREGROUND');
  });

  it(covers('E.6/httpMethod/errors-final'), async () => {
    const file = bench.file({ faults: { status: 503 } });
    expect((await outcome(bench.admin, { files: [file.add], httpMethod: 'POST' })).state).toBe('ERROR');
  });

  it(covers(['E.6/httpMethod/no-dynamic', `H/${NEEDS_GET}`]), async () => {
    expect(await codeOf(bench.admin.create({ httpMethod: 'POST', dynamicContent: true }))).toBe(NEEDS_GET);
  });

  it(covers('E.6/httpMethod/no-on-demand'), async () => {
    expect(await codeOf(bench.admin.create({ httpMethod: 'POST', onDemandMode: true }))).toBe(NEEDS_GET);
  });

  it(covers(['E.6/httpMethod/after-resume', `H/${AFTER_RESUME}`]), async () => {
    await isFixed({ httpMethod: 'POST' });
  });
});

describe('cost of networks', () => {
  it(covers('E.6/costFlags/while-running'), async () => {
    const { id } = await jobIn('TRANSFERRING', bench);
    expect((await bench.admin.set(id, { costFlags: 0x80000021 })).properties.costFlags).toBe(0x80000021);
    expect((await bench.admin.get(id)).state).toBe('TRANSFERRING');
  });

  it(covers(['E.6/costFlags/blocked', 'H/BG_E_BLOCKED_BY_COST_TRANSFER_POLICY']), async () => {
    const blocked = await outcome(bench.admin, { files: [bench.file().add], costFlags: 0x4 });
    expect(blocked).toMatchObject({ state: 'TRANSIENT_ERROR', retryAtMs: null });
    expect(blocked.error).toMatchObject({ code: 'BG_E_BLOCKED_BY_COST_TRANSFER_POLICY', kind: 'transient' });
    await bench.configure({ jobs: { networkCost: 'below-cap' } });
    await bench.admin.reaches(blocked.id, 'TRANSFERRED');
    await bench.configure({ jobs: { networkCost: 'unrestricted' } });
  });
});

describe('dynamic content', () => {
  const dynamicContent = true;

  it(covers(['E.6/dynamicContent/foreground', 'H/BG_E_UNSUPPORTED_JOB_CONFIGURATION']), async () => {
    const code = await codeOf(bench.admin.create({ dynamicContent, priority: 'NORMAL' }));
    expect(code).toBe('BG_E_UNSUPPORTED_JOB_CONFIGURATION');
  });

  it(covers('E.6/dynamicContent/no-ranges'), async () => {
    const { id, file } = await jobIn('TRANSFERRED', bench, {
      file: { faults: { noLength: true, noRanges: true } },
      job: { dynamicContent },
    });
    const requests = bench.origin.seen.filter(({ path }) => path === file.path);
    expect(requests.filter(({ headers }) => headers.range !== undefined)).toEqual([]);
    await bench.admin.call(id, 'complete');
    expect(await readFile(file.localName)).toEqual(file.content);
  });

  it(covers('E.6/dynamicContent/starts-over'), async () => {
    const { id, file } = await jobIn('TRANSIENT_ERROR', bench, {
      file: CUT,
      job: { dynamicContent },
    });
    bench.mend(file);
    await bench.admin.call(id, 'resume');
    await bench.admin.reaches(id, 'TRANSFERRED');
    expect(bench.origin.statsOf(file.path).bytesSent).toBe(SENT_BYTES + CUT.bytes);
  });

  it(covers('E.6/dynamicContent/after-resume'), async () => {
    await isFixed({ dynamicContent });
  });
});

describe('high performance', () => {
  it(covers('E.6/highPerformance/direct'), async () => {
    const { id, file } = await jobIn('TRANSFERRING', bench, { job: { highPerformance: true } });
    expect(existsSync(file.localName)).toBe(true);
    expect(existsSync(`${file.localName}.nbpart`)).toBe(false);
    bench.mend(file);
    await bench.admin.call(id, 'suspend');
    await bench.admin.call(id, 'resume');
    await bench.admin.reaches(id, 'TRANSFERRED');
    await bench.admin.call(id, 'complete');
    expect(await readFile(file.localName)).toEqual(file.content);
  });

  it(covers(['E.6/highPerformance/after-file', 'H/BG_E_READ_ONLY_PROPERTY_AFTER_ADDFILE']), async () => {
    const { id } = await bench.admin.create();
    expect(await codeOf(bench.admin.set(id, { highPerformance: true }))).toBe('S_OK');
    const other = await jobIn('SUSPENDED', bench);
    const code = await codeOf(bench.admin.set(other.id, { highPerformance: true }));
    expect(code).toBe('BG_E_READ_ONLY_PROPERTY_AFTER_ADDFILE');
  });
});

describe('largest download', () => {
  it(covers(['E.6/maxDownloadSize/limit', 'H/BG_E_MAX_DOWNLOAD_SIZE_LIMIT_REACHED']), async () => {
    const files = () => [bench.file({ bytes: 60_000 }).add, bench.file({ bytes: 60_000 }).add];
    expect((await outcome(bench.admin, { files: files(), maxDownloadSize: 120_000 })).state).toBe('TRANSFERRED');
    const job = await outcome(bench.admin, { files: files(), maxDownloadSize: 119_999 });
    expect(job).toMatchObject({ state: 'ERROR', error: { code: 'BG_E_MAX_DOWNLOAD_SIZE_LIMIT_REACHED' } });
  });

  it(covers('E.6/maxDownloadSize/after-resume'), async () => {
    await isFixed({ maxDownloadSize: 1000 });
  });
});

describe('on-demand mode', () => {
  it(covers('E.6/onDemandMode/not-dynamic'), async () => {
    const both = { onDemandMode: true, dynamicContent: true, priority: 'FOREGROUND' };
    expect(await codeOf(bench.admin.create(both))).toBe('BG_E_RANDOM_ACCESS_NOT_SUPPORTED');
  });

  it(covers('E.6/onDemandMode/no-ranges'), async () => {
    const file = bench.file({ faults: { noRanges: true } });
    const { id } = await bench.admin.create({ files: [file.add], onDemandMode: true, priority: 'FOREGROUND' });
    await bench.admin.requestRanges(id, [{ offset: 1000, length: 1000 }]);
    await bench.admin.call(id, 'resume');
    expect((await bench.admin.reaches(id, 'ERROR')).error?.code).toBe('BG_E_RANDOM_ACCESS_NOT_SUPPORTED');
  });
});

/** A property that may be set before the first Resume, and not after it. */
async function isFixed(change: Readonly<Record<string, unknown>>): Promise<void> {
  const { id } = await jobIn('SUSPENDED', bench, { job: { priority: 'FOREGROUND' } });
  expect(await codeOf(bench.admin.set(id, change))).toBe('S_OK');
  const resumed = await jobIn('TRANSFERRED', bench);
  expect(await codeOf(bench.admin.set(resumed.id, change))).toBe(AFTER_RESUME);
}
