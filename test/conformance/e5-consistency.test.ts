import { existsSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bytesContent, LAST_MODIFIED } from '../support/origin-script.ts';
import { covers } from './support/covers.ts';
import { CUT, jobIn, SENT_BYTES } from './support/in-state.ts';
import { codeOf } from './support/job-api.ts';
import { JobBench } from './support/job-bench.ts';

let bench: JobBench;
beforeAll(async () => {
  bench = await JobBench.open();
});
afterAll(() => bench[Symbol.asyncDispose]());

it(covers(['E.5/version/restarts-file', 'E.5/version/only-that-file']), async () => {
  const done = bench.file();
  const file = bench.file(CUT);
  const { id } = await bench.admin.create({ priority: 'FOREGROUND', resume: true, files: [done.add, file.add] });
  await bench.admin.reaches(id, 'TRANSIENT_ERROR');
  const sent = bench.origin.statsOf(done.path).bytesSent;
  const changed = Buffer.from(file.content).reverse();
  bench.origin.serve(file.path, {
    content: bytesContent(changed),
    etag: '"other"',
    lastModified: 'Wed, 02 Sep 2026 10:00:00 GMT',
  });
  await bench.admin.call(id, 'resume');
  await bench.admin.reaches(id, 'TRANSFERRED');
  expect(await bench.admin.file(id, 1)).toMatchObject({ bytesTransferred: CUT.bytes, version: { etag: '"other"' } });
  await bench.admin.call(id, 'complete');
  expect(await readFile(file.localName)).toEqual(changed);
  expect(bench.origin.statsOf(file.path).bytesSent).toBe(SENT_BYTES + CUT.bytes);
  expect(bench.origin.statsOf(done.path).bytesSent).toBe(sent);
});

it(covers('E.5/destination/shared'), async () => {
  const { id, file } = await jobIn('SUSPENDED', bench);
  const other = await bench.admin.create();
  expect(await codeOf(bench.admin.addFiles(other.id, file.add))).toBe('E_DESTINATION');
  await bench.admin.call(id, 'cancel');
  expect(await codeOf(bench.admin.addFiles(other.id, file.add))).toBe('S_OK');
});

it(covers('E.5/temporary/folder'), async () => {
  const { id, file } = await jobIn('TRANSFERRING', bench);
  const { temporaryName } = await bench.admin.file(id);
  expect(dirname(temporaryName as string)).toBe(dirname(file.localName));
  expect(await readdir(dirname(file.localName))).toContain(
    (temporaryName as string).slice(dirname(file.localName).length + 1),
  );
  expect(existsSync(file.localName)).toBe(false);
});

it(covers('E.5/finished/mtime'), async () => {
  const { id, file } = await jobIn('TRANSFERRED', bench);
  await bench.admin.call(id, 'complete');
  expect((await stat(file.localName)).mtimeMs).toBe(Date.parse(LAST_MODIFIED));
});
