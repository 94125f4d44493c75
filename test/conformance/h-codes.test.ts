import { mkdir, rmdir } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SmallDisk, whyNoSmallDisk } from '../support/small-disk.ts';
import { covers } from './support/covers.ts';
import { jobIn, outcome } from './support/in-state.ts';
import { codeOf } from './support/job-api.ts';
import { JobBench } from './support/job-bench.ts';

let bench: JobBench;
beforeAll(async () => {
  bench = await JobBench.open();
});
afterAll(() => bench[Symbol.asyncDispose]());

describe('codes of calls', () => {
  it(covers('H/BG_E_INVALID_STATE'), async () => {
    const { id } = await jobIn('CANCELLED', bench);
    await expect(bench.admin.call(id, 'resume')).rejects.toMatchObject({
      code: 'BG_E_INVALID_STATE',
      status: 409,
      problem: { details: { state: 'CANCELLED', call: 'resume' } },
    });
  });

  it(covers('H/BG_E_ERROR_INFORMATION_UNAVAILABLE'), async () => {
    const { id } = await jobIn('SUSPENDED', bench);
    expect(await codeOf(bench.admin.error(id))).toBe('BG_E_ERROR_INFORMATION_UNAVAILABLE');
  });

  it(covers('H/E_PENDING'), async () => {
    const { id } = await jobIn('SUSPENDED', bench);
    expect(await codeOf(bench.admin.validate(id, true))).toBe('E_PENDING');
  });
});

describe('codes of jobs', () => {
  it(covers('H/WININET_E_NAME_NOT_RESOLVED'), async () => {
    const { add } = bench.file();
    const job = await outcome(bench.admin, { files: [{ ...add, remoteUrl: 'http://nobody.invalid/file' }] });
    expect(job).toMatchObject({
      state: 'TRANSIENT_ERROR',
      error: { code: 'WININET_E_NAME_NOT_RESOLVED', hresult: '0x80072EE7' },
    });
  });

  it(covers('H/BG_E_MISSING_FILE_SIZE'), async () => {
    const { add } = bench.file({ faults: { noLength: true } });
    expect((await outcome(bench.admin, { files: [add] })).state).toBe('TRANSFERRED');
  });

  it(covers('H/BG_E_INSUFFICIENT_HTTP_SUPPORT'), async () => {
    const server = await oldServer();
    const { add } = bench.file();
    const remoteUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/file`;
    const job = await outcome(bench.admin, { files: [{ ...add, remoteUrl }] });
    server.close();
    expect(job).toMatchObject({ state: 'TRANSFERRED', bytes: { transferred: 3 } });
  });

  it(covers('H/BG_E_REMOTE_FILE_CHANGED'), async () => {
    const file = bench.file({ bytes: 3_000_000 });
    let version = 0;
    bench.origin.serve(
      file.path,
      changing(file.content, () => `"${++version}"`),
    );
    const job = await outcome(bench.admin, { files: [file.add] });
    expect(job).toMatchObject({ error: { code: 'BG_E_REMOTE_FILE_CHANGED' } });
  });

  it.skipIf(whyNoSmallDisk() !== null)(covers('H/ERROR_DISK_FULL'), async () => {
    await using disk = SmallDisk.mount(1_000_000);
    const file = bench.file({ bytes: 3_000_000 });
    const job = await outcome(bench.admin, { files: [{ ...file.add, localName: `${disk.path}/file` }] });
    expect(job).toMatchObject({
      state: 'TRANSIENT_ERROR',
      error: { code: 'ERROR_DISK_FULL', context: 'LOCAL_FILE', hresult: '0x80070070' },
    });
    expect(job.error?.hint).toBeTruthy();
    await bench.admin.call(job.id, 'cancel');
  });

  it(covers('H/BG_E_FILE_NOT_FOUND', 'a folder that went away'), async () => {
    const folder = join(bench.folder(), 'for-a-while');
    await mkdir(folder);
    const { id } = await bench.admin.create({ files: [{ ...bench.file().add, localName: join(folder, 'file') }] });
    await rmdir(folder);
    await bench.admin.call(id, 'resume');
    const { error } = await bench.admin.reaches(id, 'ERROR');
    expect(error).toMatchObject({ code: 'BG_E_FILE_NOT_FOUND', kind: 'fatal', context: 'LOCAL_FILE' });
  });
});

/** A file that is another version at each look. */
function changing(content: Buffer, etag: () => string) {
  return {
    content: { size: content.length, read: (from: number, to: number) => content.subarray(from, to) },
    lastModified: null,
    get etag() {
      return etag();
    },
  };
}

/** A server that answers as HTTP/1.0 servers did. */
async function oldServer(): Promise<Server> {
  const server = createServer((socket) => {
    socket.once('data', () => socket.end('HTTP/1.0 200 OK\r\ncontent-length: 3\r\n\r\nold'));
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
