import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PATIENCE } from '../support/office.ts';
import { bytesContent, type Faults } from '../support/origin-script.ts';
import { OriginServer } from '../support/origin-server.ts';
import { SmallDisk, whyNoSmallDisk } from '../support/small-disk.ts';
import { tempDir } from '../support/temp-dir.ts';
import { BENCH_CALLER, TransferBench } from '../support/transfer-bench.ts';

const MIB = 1024 * 1024;
const content = randomBytes(5 * MIB + 7);
const sha256 = createHash('sha256').update(content).digest('hex');
const reason = whyNoSmallDisk();
if (reason !== null) process.stderr.write(`skipped: tests of a full disk: ${reason}\n`);

async function serving(faults: Faults = {}) {
  const origin = await OriginServer.start();
  return { origin, url: origin.serve('/file.bin', { content: bytesContent(content), faults }) };
}

const digestOf = async (path: string) =>
  createHash('sha256')
    .update(await readFile(path))
    .digest('hex');

const FULL = { state: 'failed', error: { code: 'E_DISK_FULL', hint: expect.any(String) } };

describe.skipIf(reason !== null)('a disk that cannot be written', () => {
  it('is refused as a destination before anything is asked for', async () => {
    const { origin, url } = await serving();
    await using _ = origin;
    await using disk = SmallDisk.mount(MIB, 'ro');
    await using dir = await tempDir();
    await using bench = await TransferBench.open(dir.path);
    await expect(bench.run({ url, destination: join(disk.path, 'file.bin') })).rejects.toMatchObject({
      code: 'E_DESTINATION',
      message: expect.stringContaining('not writable'),
    });
    expect(origin.stats.requests).toBe(0);
  });
});

describe.skipIf(reason !== null)('a disk without room', () => {
  it('is noticed before a byte is fetched, when the origin says how large the file is', async () => {
    const { origin, url } = await serving();
    await using _ = origin;
    await using disk = SmallDisk.mount(4 * MIB);
    await using dir = await tempDir();
    await using bench = await TransferBench.open(dir.path);
    const view = await bench.run({ url, destination: join(disk.path, 'file.bin') });
    expect(view).toMatchObject(FULL);
    expect(view.error?.details).toMatchObject({ neededBytes: content.length, freeBytes: expect.any(Number) });
    expect(origin.statsOf('/file.bin').bytesSent).toBe(0);
  });

  it('ends a transfer when it fills up midway; the next one goes on where it was', async () => {
    const { origin, url } = await serving({ bytesPerSecond: 4 * MIB });
    await using _ = origin;
    await using disk = SmallDisk.mount(7 * MIB);
    await using dir = await tempDir();
    await using bench = await TransferBench.open(dir.path);
    const destination = join(disk.path, 'file.bin');
    const running = bench.run({ url, destination });
    await expect
      .poll(async () => (await bench.jobs.transfers.list(BENCH_CALLER))[0]?.bytesDone ?? 0, PATIENCE)
      .toBeGreaterThan(2 * MIB);
    const free = await disk.fill();
    expect(await running).toMatchObject(FULL);
    await free();
    const view = await bench.run({ url, destination });
    expect(view).toMatchObject({ state: 'completed', sharing: 'shared' });
    expect(await digestOf(destination)).toBe(sha256);
    expect(await bench.codes(view)).toContain('RESUMED');
    expect(view.bytesFromOrigin).toBeLessThan(content.length - MIB);
  });

  it('ends a transfer of unknown size, and nothing of it stays in the way', async () => {
    const { origin, url } = await serving({ noLength: true, noRanges: true });
    await using _ = origin;
    await using disk = SmallDisk.mount(4 * MIB);
    await using dir = await tempDir();
    await using bench = await TransferBench.open(dir.path);
    expect(await bench.run({ url, destination: join(disk.path, 'file.bin') })).toMatchObject(FULL);
    expect(await readdir(disk.path)).toEqual([]);
  });

  it('for the cache costs the sharing, not the file', async () => {
    const { origin, url } = await serving();
    await using _ = origin;
    await using disk = SmallDisk.mount(4 * MIB);
    await using dir = await tempDir();
    await using bench = await TransferBench.open(disk.path);
    const view = await bench.run({ url, destination: join(dir.path, 'file.bin') });
    expect(view).toMatchObject({ state: 'completed', sharing: 'not-shared', sharingReason: expect.any(String) });
    expect(await digestOf(join(dir.path, 'file.bin'))).toBe(sha256);
    expect(await bench.cache.list()).toEqual([]);
  });

  it('for the index refuses new transfers by name, and loses none once there is room', async () => {
    const { origin, url } = await serving();
    await using _ = origin;
    await using disk = SmallDisk.mount(12 * MIB);
    await using dir = await tempDir();
    const request = { url, share: false, overwrite: true, destination: join(dir.path, 'file.bin') };
    {
      await using bench = await TransferBench.open(disk.path);
      const free = await disk.fill();
      // What was reserved for the log still takes a few.
      const codes = new Set<string | undefined>();
      for (let attempt = 0; attempt < 40 && !codes.has('E_DISK_FULL'); attempt++) {
        codes.add(
          await bench.run(request).then(
            (view) => view.error?.code,
            (error) => error.code,
          ),
        );
      }
      expect(codes).toContain('E_DISK_FULL');
      await expect(bench.run(request)).rejects.toMatchObject({ code: 'E_DISK_FULL', hint: expect.any(String) });
      await free();
      expect(await bench.run(request)).toMatchObject({ state: 'completed' });
    }
    await using later = await TransferBench.open(disk.path);
    expect((await later.jobs.transfers.list(BENCH_CALLER))[0]).toMatchObject({ state: 'completed' });
  });
});
