import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ManualClock } from '../../../src/core/manual-clock.ts';
import { silentLogger } from '../../../src/observe/log.ts';
import { OriginClient } from '../../../src/origin/origin-client.ts';
import { failureOf, never, OriginFixture } from '../../support/origin-fixture.ts';

const WHOLE = { start: 0, end: 300_000 };
let clock: ManualClock;
let origin: OriginFixture;

beforeEach(async () => {
  clock = new ManualClock(Date.now());
  origin = await OriginFixture.open({
    clock,
    origin: { connectTimeoutMs: 1000, headersTimeoutMs: 2000, stallTimeoutMs: 3000, rateWindowMs: 10_000 },
  });
});

afterEach(async () => {
  await origin[Symbol.asyncDispose]();
});

test('an origin that never answers is given up at headersTimeoutMs', async () => {
  const done = failureOf(origin.probe({ faults: { hang: true } }));
  await expect.poll(() => origin.server.stats.requests).toBe(1);
  clock.advance(2000);
  expect(await done).toMatchObject({ code: 'E_ORIGIN_TIMEOUT', details: { limit: 'headersTimeoutMs' } });
});

test('a server that accepts but never speaks TLS is given up at connectTimeoutMs', async () => {
  const silent = createServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const accepted = once(silent, 'connection');
  const url = `https://127.0.0.1:${(silent.address() as AddressInfo).port}/`;
  const done = failureOf(origin.client.probe(url, { signal: never }));
  const [socket] = await accepted;
  clock.advance(1000);
  expect(await done).toMatchObject({ code: 'E_ORIGIN_TIMEOUT', details: { limit: 'connectTimeoutMs' } });
  socket.destroy();
  silent.close();
});

test('a port nobody listens on is unreachable', async () => {
  const url = origin.serve();
  await origin.server.stop();
  const error = await failureOf(origin.client.probe(url, { signal: never }));
  expect(error).toMatchObject({ code: 'E_ORIGIN_UNREACHABLE', details: { systemCode: 'ECONNREFUSED' } });
});

test('a body that stops is given up at stallTimeoutMs', async () => {
  const source = origin.client.source(await origin.probe({ faults: { stallAfterBytes: 1000 } }));
  let received = 0;
  const done = failureOf(
    source.fetch(
      WHOLE,
      (chunk) => {
        received += chunk.length;
      },
      never,
    ),
  );
  // Bytes that do not fill a chunk are handed on after a tenth of a second.
  await expect
    .poll(() => {
      clock.advance(100);
      return received;
    })
    .toBe(1000);
  clock.advance(3000);
  expect(await done).toMatchObject({ code: 'E_ORIGIN_TIMEOUT', details: { limit: 'stallTimeoutMs' } });
});

test('a body that only drips is given up after one window', async () => {
  const source = origin.client.source(await origin.probe({ faults: { bytesPerSecond: 1000 } }));
  let received = 0;
  let seen = 0;
  const done = failureOf(
    source.fetch(
      WHOLE,
      (chunk) => {
        received += chunk.length;
      },
      never,
    ),
  );
  const ended = done.then(() => true);
  // Whatever came seems to have taken two seconds; without it only the time passes after which it is handed on.
  await expect
    .poll(
      () => {
        const came = received > seen;
        seen = received;
        clock.advance(came ? 2000 : 100);
        return Promise.race([ended, false]);
      },
      { timeout: 30_000 },
    )
    .toBe(true);
  expect(await done).toMatchObject({ code: 'E_ORIGIN_TIMEOUT', details: { limit: 'minBytesPerSecond' } });
});

test('a sink that holds back for hours does not make the origin slow', async () => {
  const source = origin.client.source(await origin.probe());
  let received = 0;
  const sink = async (chunk: Uint8Array) => {
    await Promise.resolve();
    clock.advance(3_600_000);
    received += chunk.length;
  };
  await source.fetch(WHOLE, sink, never);
  expect(received).toBe(300_000);
});

test.each(['connecting', 'waiting for headers', 'in the body'])('an abort while %s ends the request', async (when) => {
  const silent = createServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const accepted = once(silent, 'connection');
  const abort = new AbortController();
  const done = failureOf(start(when, (silent.address() as AddressInfo).port, abort.signal));
  if (when === 'connecting') await accepted;
  else await expect.poll(() => origin.server.stats.requests).toBe(when === 'in the body' ? 2 : 1);
  abort.abort();
  expect((await done).code).toBe('E_CANCELLED');
  expect(clock.nextTimerInMs()).toBeNull();
  silent.close();
  if (when === 'connecting') (await accepted)[0].destroy();
});

async function start(when: string, silentPort: number, signal: AbortSignal): Promise<unknown> {
  if (when === 'connecting') return await origin.client.probe(`https://127.0.0.1:${silentPort}/`, { signal });
  const stalls = when === 'in the body';
  const url = origin.serve({ faults: stalls ? { stallAfterBytes: 10 } : { hang: true } });
  const file = await origin.client.probe(url, { signal });
  return await origin.client.source(file).fetch(WHOLE, () => {}, signal);
}

test('the reason of an abort is kept as the cause', async () => {
  const reason = new Error('the user went home');
  const error = await failureOf(origin.client.probe(origin.serve(), { signal: AbortSignal.abort(reason) }));
  expect(error).toMatchObject({ code: 'E_CANCELLED', cause: reason });
});

test('closing the client ends what is under way, and twice is fine', async () => {
  const done = failureOf(origin.probe({ faults: { hang: true } }));
  await expect.poll(() => origin.server.stats.requests).toBe(1);
  await origin.client.close();
  await origin.client.close();
  expect((await done).code).toBe('E_ORIGIN_UNREACHABLE');
});

test('a proxy variable that is no URL is an error of the configuration', () => {
  vi.stubEnv('http_proxy', 'not a url');
  try {
    expect(() => new OriginClient({ clock, log: silentLogger })).toThrow(expect.objectContaining({ code: 'E_CONFIG' }));
  } finally {
    vi.unstubAllEnvs();
  }
});
