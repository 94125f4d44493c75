import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { YEAR_MS } from '../support/test-pki.ts';
import { expectFromOrigin, expectFromPeers } from './support/expect-download.ts';
import { describeInContainers, Lab, NO_DOMAIN } from './support/lab.ts';
import { OwnPki } from './support/own-pki.ts';

const UNLIMITED = 'serve: { bandwidth: unlimited }\n';
/** Long enough to start, to find and to download once; short enough to wait for. */
const SHORT_TERM_MS = 45_000;

describeInContainers('trust', () => {
  let lab: Lab;
  const file = () => lab.origin.newFile('4MiB');
  beforeAll(async () => {
    lab = await Lab.open('trust');
  });
  afterAll(() => lab[Symbol.asyncDispose]());

  it('gives nothing to nodes of another domain and takes nothing from them, even when they are named', async () => {
    await using foreigner = await lab.node('foreigner', { token: await lab.foreignToken(), config: UNLIMITED });
    const config = `${UNLIMITED}discovery: { static: ["${foreigner.hostName}:21780"] }\n`;
    await using member = await lab.node('member', { config });
    const [theirs, ours] = [await file(), await file()];
    await foreigner.download(theirs);
    await member.download(ours);

    expectFromOrigin(await member.download(theirs), theirs);
    expectFromOrigin(await foreigner.download(ours), ours);
    for (const node of [member, foreigner]) {
      expect((await node.status()).totals.bytesServed).toBe(0);
      const authenticated = (await node.peers()).filter(({ authenticatedUntilMs }) => authenticatedUntilMs !== null);
      expect(authenticated).toEqual([]);
    }
  });

  it('ends when the certificate of a neighbour expires, and begins again with a new one', async () => {
    const pki = await OwnPki.create();
    await using late = await lab.node('late', { token: NO_DOMAIN, config: UNLIMITED });
    await using member = await lab.node('member', { token: NO_DOMAIN, config: UNLIMITED });
    await pki.admit(member, Date.now() + YEAR_MS);
    const notAfterMs = Date.now() + SHORT_TERM_MS;
    await pki.admit(late, notAfterMs);
    await member.finds(late);
    await late.finds(member);
    const [first, theirs, ours] = [await file(), await file(), await file()];
    await late.download(first);
    expectFromPeers(await member.download(first), first);
    await late.download(theirs);
    await member.download(ours);

    await vi.waitFor(() => expect(Date.now()).toBeGreaterThan(notAfterMs), { timeout: SHORT_TERM_MS, interval: 100 });
    await lab.origin.resetCount();
    expectFromOrigin(await member.download(theirs, '--no-share'), theirs);
    expectFromOrigin(await late.download(ours, '--no-share'), ours);
    expect(await lab.origin.bytesSent()).toBe(theirs.size + ours.size);

    await pki.admit(late, Date.now() + YEAR_MS);
    await member.finds(late);
    await late.finds(member);
    expectFromPeers(await member.download(theirs), theirs);
    expectFromPeers(await late.download(ours), ours);
  });
});
