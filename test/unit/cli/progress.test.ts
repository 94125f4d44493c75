import { describe, expect, it } from 'vitest';
import { ProgressLine, percent, progressText } from '../../../src/cli/render/progress.ts';
import type { TransferView } from '../../../src/job/model/transfer-view.ts';
import { localOwner } from '../../../src/platform/local-owner.ts';
import { MemoryBackend } from '../../support/memory-backend.ts';

async function viewOf(change: Partial<TransferView>): Promise<TransferView> {
  const request = { url: 'http://127.0.0.1/f', destination: '/tmp/f' } as const;
  const options = { usePeers: true, share: true, priority: 'background', overwrite: false } as const;
  return { ...(await new MemoryBackend().transfers.start(localOwner(), { ...request, ...options })), ...change };
}

describe('progressText', () => {
  it('tells share, rate, time left and what came from neighbours', async () => {
    const view = await viewOf({ bytesTotal: 4_194_304, bytesDone: 1_048_576, bytesFromPeers: 524_288 });
    expect(progressText('f', view, 1_048_576)).toBe(
      'f   25 %  1 MiB of 4 MiB  1 MiB/s  3.0 s left  50 % from neighbours',
    );
  });

  it('does without a size', async () => {
    expect(progressText('f', await viewOf({ bytesTotal: null, bytesDone: 10 }), 0)).toBe('f  10 bytes');
    expect(progressText('f', await viewOf({ state: 'queued' }), 0)).toBe('f  waiting');
  });

  it('never says 100 % too early', () => {
    expect(percent(999, 1000)).toBe('99 %');
    expect(percent(0, 0)).toBe('100 %');
  });
});

describe('ProgressLine', () => {
  it('measures the rate, draws seldom, and stays within the terminal', async () => {
    let nowMs = 0;
    const written: string[] = [];
    const deps = { monotonicMs: () => nowMs, columns: () => 50, write: (text: string) => void written.push(text) };
    const line = new ProgressLine(deps, { name: 'a\u001bb' });
    for (const bytesDone of [0, 10, 20]) line.update(await viewOf({ bytesTotal: 1_000_000, bytesDone }));
    expect(written).toHaveLength(1);
    nowMs = 1000;
    line.update(await viewOf({ bytesTotal: 10_000, bytesDone: 2000 }));
    expect(written[1]).toContain('2.0 KiB/s');
    expect(written[1]?.length).toBeLessThanOrEqual(4 + 50);
    expect(written.join('')).not.toContain('a\u001b');
    line.end();
    expect(written.at(-1)).toBe('\r\u001b[K');
  });
});
