import { once } from 'node:events';
import { connect } from 'node:tls';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import type { NearbitsError } from '../../src/core/errors.ts';
import type { Membership } from '../../src/domain/membership.ts';
import type { ContentHolder } from '../../src/peer/content-client.ts';
import { contentTlsOptions } from '../../src/peer/content-tls.ts';
import { testFile } from '../support/cache-fixture.ts';
import { ContentFixture, SERVER_ID } from '../support/content-fixture.ts';
import { testNodeId } from '../support/node-ids.ts';
import { readToEnd } from '../support/raw-request.ts';
import { TestDomain } from '../support/test-domain.ts';
import { HOUR_MS } from '../support/test-pki.ts';

const never = new AbortController().signal;

/** What became of a fetch of the whole record: `served`, or the code of the failure with its reason. */
async function outcome(setup: ContentFixture, asker: Membership, holder: ContentHolder): Promise<string> {
  const range = { start: 0, end: holder.record.version.size };
  try {
    await setup
      .clientOf(asker)
      .source(holder)
      .fetch(range, () => {}, never);
    return 'served';
  } catch (error) {
    const { code, details } = error as NearbitsError;
    return `${code} ${details.reason ?? ''}`.trim();
  }
}

const expired = () => {
  const nowMs = systemClock.wallMs();
  return { notBeforeMs: nowMs - HOUR_MS, notAfterMs: nowMs - HOUR_MS / 2 };
};

test('a client of another domain gets nothing, nor does one whose certificate has expired', async () => {
  await using setup = await ContentFixture.start();
  const holder = setup.holder(await setup.cache.admit(testFile(10)));
  const stranger = await (await TestDomain.create('other')).member(testNodeId(1));
  // It trusts our CA, so that only the server can refuse it.
  const foreign = { ...stranger, caPem: (await setup.domain.member(testNodeId(1))).caPem };
  const trusting = { ...foreign, trust: (await setup.domain.member(testNodeId(1))).trust };
  expect(await outcome(setup, trusting, holder)).toBe('E_PEER_UNREACHABLE');
  expect(await outcome(setup, await setup.domain.member(testNodeId(1), expired()), holder)).toBe('E_PEER_UNREACHABLE');
  await expect.poll(() => setup.eventsOf('serve.refused').map(({ reason }) => reason)).toHaveLength(2);
  expect(setup.eventsOf('serve.refused').map(({ reason }) => reason)).toContain('CERT_HAS_EXPIRED');
  expect(setup.eventsOf('serve.started')).toHaveLength(0);
});

test('a client without a certificate gets nothing', async () => {
  await using setup = await ContentFixture.start();
  const { cert: _, key: __, ...options } = contentTlsOptions(await setup.domain.member(testNodeId(1)));
  const socket = connect({
    ...options,
    host: '127.0.0.1',
    port: setup.server.port,
    checkServerIdentity: () => undefined,
  });
  socket.on('error', () => {});
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  expect(await readToEnd(socket)).toBe('');
});

test('TLS below 1.3 is not spoken', async () => {
  await using setup = await ContentFixture.start();
  const { minVersion: _, ciphers: __, ...options } = contentTlsOptions(await setup.domain.member(testNodeId(1)));
  const socket = connect({ ...options, host: '127.0.0.1', port: setup.server.port, maxVersion: 'TLSv1.2' });
  const [error] = await once(socket, 'error');
  expect((error as Error).message).toMatch(/protocol version/);
});

test('a client asks nothing of a server that is not the node it was told of', async () => {
  await using setup = await ContentFixture.start();
  const record = await setup.cache.admit(testFile(10));
  const asker = await setup.domain.member(testNodeId(1));
  const other = { ...setup.holder(record), nodeId: testNodeId(2) };
  expect(await outcome(setup, asker, other)).toBe('E_PEER_UNAUTHENTICATED wrong-node');
  expect(setup.eventsOf('serve.started')).toHaveLength(0);
});

test('a client asks nothing of a server of another domain or with an expired certificate', async () => {
  const other = await TestDomain.create('other');
  const foreign = await other.member(SERVER_ID);
  await using setup = await ContentFixture.start({ membership: () => foreign });
  const holder = setup.holder(await setup.cache.admit(testFile(10)));
  const asker = await setup.domain.member(testNodeId(1));
  expect(await outcome(setup, asker, holder)).toMatch(/^E_PEER_UNAUTHENTICATED/);

  const domain = await TestDomain.create();
  const old = await domain.member(SERVER_ID, expired());
  await using late = await ContentFixture.start({ membership: () => old });
  const its = late.holder(await late.cache.admit(testFile(10)));
  expect(await outcome(late, await domain.member(testNodeId(1)), its)).toBe('E_PEER_UNAUTHENTICATED CERT_HAS_EXPIRED');
});

test('another membership is applied to connections that stand already', async () => {
  let membership: Membership | null = null;
  const domain = await TestDomain.create();
  const own = await domain.member(SERVER_ID);
  await using setup = await ContentFixture.start({ membership: () => membership ?? own });
  const holder = setup.holder(await setup.cache.admit(testFile(10)));
  const source = setup.clientOf(await domain.member(testNodeId(1))).source(holder);
  await source.fetch({ start: 0, end: 10 }, () => {}, never);
  membership = await (await TestDomain.create('other')).member(SERVER_ID);
  await expect(source.fetch({ start: 0, end: 10 }, () => {}, never)).rejects.toMatchObject({
    code: 'E_PEER_UNREACHABLE',
  });
  await expect.poll(() => setup.eventsOf('serve.refused').map(({ reason }) => reason)).toContain('untrusted');
});

test('a connection outlives no certificate', async () => {
  let aheadMs = 0;
  // TLS looks at the machine's clock and stays content; the proof looks at this one.
  const clock = { ...systemClock, wallMs: () => systemClock.wallMs() + aheadMs };
  await using setup = await ContentFixture.start({ clock });
  const holder = setup.holder(await setup.cache.admit(testFile(10)));
  const source = setup.clientOf(await setup.domain.member(testNodeId(1))).source(holder);
  await source.fetch({ start: 0, end: 10 }, () => {}, never);
  aheadMs = 2 * HOUR_MS;
  await expect(source.fetch({ start: 0, end: 10 }, () => {}, never)).rejects.toMatchObject({
    code: 'E_PEER_UNREACHABLE',
  });
  await expect.poll(() => setup.eventsOf('serve.refused').map(({ reason }) => reason)).toContain('expired');
});
