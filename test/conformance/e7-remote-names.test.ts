import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bytesContent } from '../support/origin-script.ts';
import { covers } from './support/covers.ts';
import { CUT, type JobInState, jobIn, SENT_BYTES } from './support/in-state.ts';
import { codeOf } from './support/job-api.ts';
import { JobBench } from './support/job-bench.ts';

let bench: JobBench;
beforeAll(async () => {
  bench = await JobBench.open();
});
afterAll(() => bench[Symbol.asyncDispose]());

const interrupted = () => jobIn('TRANSIENT_ERROR', bench, { file: CUT });
const replace = (id: string, from: string, to: string) =>
  bench.admin.ask('POST', `/v1/jobs/${id}/replace-remote-prefix`, { from, to });

/** Resumes a job, lets it end, and returns what it wrote. */
async function finish({ id, file }: JobInState): Promise<Buffer> {
  await bench.admin.call(id, 'resume');
  await bench.admin.reaches(id, 'TRANSFERRED');
  await bench.admin.call(id, 'complete');
  return readFile(file.localName);
}

describe('set remote name', () => {
  it(covers(['E.7/remote/set', 'E.7/remote/same-version']), async () => {
    const job = await interrupted();
    const url = bench.origin.serve('/mirror', { content: bytesContent(job.file.content) });
    await bench.admin.setRemoteName(job.id, url);
    expect((await bench.admin.file(job.id)).remoteUrl).toBe(url);
    expect(bench.origin.statsOf('/mirror').requests).toBe(0);
    expect(await finish(job)).toEqual(job.file.content);
    expect(bench.origin.statsOf('/mirror').bytesSent).toBe(CUT.bytes - SENT_BYTES);
  });

  it(covers('E.7/remote/other-version'), async () => {
    const job = await interrupted();
    const content = Buffer.from(job.file.content).reverse();
    const url = bench.origin.serve('/newer', {
      content: bytesContent(content),
      etag: '"2"',
      lastModified: 'Wed, 02 Sep 2026 10:00:00 GMT',
    });
    await bench.admin.setRemoteName(job.id, url);
    expect(await finish(job)).toEqual(content);
    expect(bench.origin.statsOf('/newer').bytesSent).toBe(CUT.bytes);
  });

  it(covers('E.7/remote/finished'), async () => {
    const { id, file } = await jobIn('TRANSFERRED', bench);
    expect(await codeOf(bench.admin.setRemoteName(id, `${file.url}?other`))).toBe('S_OK');
    expect((await bench.admin.file(id)).remoteUrl).toBe(file.url);
  });

  it.each(['ftp://example.test/', 'nonsense', ''])(`%s ${covers('E.7/remote/bad-url', 'is refused')}`, async (url) => {
    const { id, file } = await jobIn('SUSPENDED', bench);
    expect(await codeOf(bench.admin.setRemoteName(id, url))).toBe('E_INVALIDARG');
    expect((await bench.admin.file(id)).remoteUrl).toBe(file.url);
  });
});

describe('replace remote prefix', () => {
  it(covers('E.7/prefix/replaced'), async () => {
    const files = [bench.file(), bench.file()];
    const other = { ...bench.file().add, remoteUrl: 'http://elsewhere.test/file' };
    const { id } = await bench.admin.create({ files: [...files.map(({ add }) => add), other] });
    expect(await codeOf(replace(id, bench.origin.url('/'), 'https://mirror.test/a/'))).toBe('S_OK');
    const urls = (await bench.admin.files(id)).map(({ remoteUrl }) => remoteUrl);
    expect(urls).toEqual([...files.map(({ path }) => `https://mirror.test/a${path}`), other.remoteUrl]);
  });

  it(covers(['E.7/prefix/case', 'E.7/prefix/none']), async () => {
    const { id, file } = await jobIn('SUSPENDED', bench);
    for (const from of [file.url.toUpperCase(), 'https://none.test/']) {
      expect(await codeOf(replace(id, from, 'https://mirror.test/'))).toBe('S_FALSE');
    }
    expect((await bench.admin.file(id)).remoteUrl).toBe(file.url);
  });

  it(covers('E.7/prefix/bad-url'), async () => {
    const { id, file } = await jobIn('SUSPENDED', bench);
    expect(await codeOf(replace(id, bench.origin.url('/'), 'gopher://'))).toBe('E_INVALIDARG');
    expect((await bench.admin.file(id)).remoteUrl).toBe(file.url);
  });

  it(covers('E.7/remote/finished', 'leaves finished files as they are'), async () => {
    const { id, file } = await jobIn('TRANSFERRED', bench);
    expect(await codeOf(replace(id, bench.origin.url('/'), 'https://mirror.test/'))).toBe('S_FALSE');
    expect((await bench.admin.file(id)).remoteUrl).toBe(file.url);
  });
});
