import { randomBytes } from 'node:crypto';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { keyPem } from '../../src/domain/issue.ts';
import { encodePem } from '../../src/domain/pem.ts';
import { revoke } from '../../src/domain/revoke.ts';
import { loadOrCreateIdentity } from '../../src/peer/identity.ts';
import { freeTcpPort } from '../support/free-port.ts';
import { Office, type OfficeNode, PATIENCE } from '../support/office.ts';
import { bytesContent } from '../support/origin-script.ts';
import { OriginServer } from '../support/origin-server.ts';
import { HOUR_MS, leaf, root, type Signer } from '../support/test-pki.ts';

const content = randomBytes(1_500_000);
const ALL_FROM_PEERS = { state: 'completed', bytesFromPeers: content.length };
const NONE_FROM_PEERS = { state: 'completed', bytesFromPeers: 0 };
const SHORT = { search: { patience: { background: '2s' } } } as const;

/** How long the membership that ends lasts: two nodes start and a file moves within it, also on a busy machine. */
const LIFETIME_MS = 12_000;

let origin: OriginServer;
beforeAll(async () => {
  origin = await OriginServer.start();
});
afterAll(() => origin.stop());

let files = 0;

/** The URL of a file that `holder` has fetched. */
async function heldBy(holder: OfficeNode): Promise<string> {
  const url = origin.serve(`/${++files}`, { content: bytesContent(content) });
  expect(await holder.fetch(url, { overwrite: true })).toMatchObject({ sharing: 'shared' });
  return url;
}

/** Places the files that an organisation's own PKI would place. */
async function place(office: Office, name: string, ca: Signer, notAfterMs: number): Promise<void> {
  const dataDir = join(office.dir, name, 'data');
  const { nodeId } = await loadOrCreateIdentity(dataDir);
  const member = await leaf(ca, nodeId, { notBeforeMs: systemClock.wallMs() - HOUR_MS, notAfterMs });
  await mkdir(join(dataDir, 'domain'), { recursive: true, mode: 0o700 });
  const put = (file: string, text: string) => writeFile(join(dataDir, 'domain', file), text, { mode: 0o600 });
  await put('ca.pem', encodePem('CERTIFICATE', ca.certificateDer));
  await put('node.key', keyPem(member.key));
  await put('node.pem', encodePem('CERTIFICATE', member.certificateDer));
}

describe('a membership that ends while the node runs', () => {
  it('turns neighbours off at its expiry, and the node fetches on from the origin', async () => {
    await using office = await Office.open();
    const nowMs = systemClock.wallMs();
    const ca = await root({ notBeforeMs: nowMs - HOUR_MS, notAfterMs: nowMs + HOUR_MS });
    await place(office, 'a', ca, nowMs + HOUR_MS);
    await place(office, 'b', ca, Math.ceil(nowMs / 1000) * 1000 + LIFETIME_MS);
    const byHand = { domain: null };
    const a = await office.start('a', byHand);
    const b = await office.start('b', { ...byHand, knows: [a], config: SHORT });
    expect(await b.fetch(await heldBy(a))).toMatchObject(ALL_FROM_PEERS);
    await expect.poll(() => b.node.ports, { timeout: 3 * LIFETIME_MS }).toEqual({ peer: null, content: null });
    expect((await b.access.status()).peering).toMatchObject({ on: false, reason: expect.stringContaining('expired') });
    expect(await b.fetch(await heldBy(a), { overwrite: true })).toMatchObject(NONE_FROM_PEERS);
    // Renewed, it takes part again.
    await place(office, 'b', ca, nowMs + HOUR_MS);
    await b.access.reload();
    expect((await b.access.status()).peering.on).toBe(true);
  });

  it('is refused by every node that has the revocation list', async () => {
    await using office = await Office.open();
    // Another membership opens the sockets anew: the port has to stay the same for those who know it by hand.
    const a = await office.start('a', { config: { listen: { peerPort: await freeTcpPort() } } });
    const b = await office.start('b', { knows: [a], config: SHORT });
    const c = await office.start('c', { knows: [a, b], config: SHORT });
    expect(await b.fetch(await heldBy(a))).toMatchObject(ALL_FROM_PEERS);
    const onlyOnB = await heldBy(b);

    await revoke(a.domainDir, b.node.nodeId, systemClock);
    await copyFile(join(a.domainDir, 'crl.pem'), join(c.domainDir, 'crl.pem'));
    // Both notice the file by themselves.
    await expect.poll(() => [a, c].map((node) => node.told('domain.changed').length), PATIENCE).toEqual([1, 1]);

    expect(await b.fetch(await heldBy(a), { overwrite: true })).toMatchObject(NONE_FROM_PEERS);
    expect(await c.fetch(onlyOnB)).toMatchObject(NONE_FROM_PEERS);
    expect(await c.fetch(await heldBy(a), { overwrite: true })).toMatchObject(ALL_FROM_PEERS);
    expect(await c.knows()).toEqual([a.node.nodeId]);
  });
});
