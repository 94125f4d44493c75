import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readSse, type SseMessage } from '../../../src/sdk/sse.ts';

async function read(chunks: readonly Uint8Array[]): Promise<SseMessage[]> {
  const body = (async function* () {
    yield* chunks;
  })();
  return await Array.fromAsync(readSse(body));
}

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('readSse', () => {
  it('reads events, joins data lines and skips comments', async () => {
    const text = ': still here\n\nevent: a\ndata: 1\n\ndata:x\r\ndata: y\r\n\r\nevent: cut';
    expect(await read([encode(text)])).toEqual([
      { event: 'a', data: '1' },
      { event: 'message', data: 'x\ny' },
    ]);
  });

  it('does not mind where the bytes are cut', async () => {
    const bytes = encode('event: transfer.progress\ndata: {"url":"http://ä/😀"}\n\nevent: b\ndata: 2\n\n');
    const whole = await read([bytes]);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(bytes.length)), async (cuts) => {
        const edges = [0, ...cuts.sort((a, b) => a - b), bytes.length];
        const chunks = edges.slice(1).map((end, index) => bytes.subarray(edges[index], end));
        expect(await read(chunks)).toEqual(whole);
      }),
    );
  });

  it('gives up on a line without end', async () => {
    await expect(read([new Uint8Array(2 ** 20 + 2).fill(97)])).rejects.toMatchObject({ code: 'E_INTERNAL' });
  });
});
