import { afterAll, beforeAll, expect, it } from 'vitest';
import { expectFromOrigin, expectFromPeers } from './support/expect-download.ts';
import { describeInContainers, Lab } from './support/lab.ts';

const UNLIMITED = 'serve: { bandwidth: unlimited }\n';
const NO_RETRIES = 'origin: { retries: 0 }\n';

describeInContainers('sharing', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await Lab.open('sharing');
  });
  afterAll(() => lab[Symbol.asyncDispose]());

  it('serves nothing before a download was accepted for sharing, and everything afterwards', async () => {
    await using holder = await lab.node('holder', { config: UNLIMITED });
    await using taker = await lab.node('taker', { config: UNLIMITED });
    await taker.finds(holder);
    const file = await lab.origin.newFile('8MiB');

    await holder.download(file, '--no-share');
    expectFromOrigin(await taker.download(file, '--no-share'), file);
    expect((await holder.status()).totals.bytesServed).toBe(0);

    await holder.download(file, '--no-peers');
    await lab.origin.resetCount();
    expectFromPeers(await taker.download(file, '--no-share'), file);
    expect(await lab.origin.bytesSent()).toBe(0);
  });

  it('serves nothing of a download whose digest did not match', async () => {
    await using holder = await lab.node('holder', { config: UNLIMITED });
    await using taker = await lab.node('taker', { config: UNLIMITED });
    await taker.finds(holder);
    const file = await lab.origin.newFile('4MiB');

    await expect(holder.download(file, '--sha256', '0'.repeat(64))).rejects.toThrow('E_VALIDATION_FAILED');
    expectFromOrigin(await taker.download(file), file);
    expect((await holder.status()).totals.bytesServed).toBe(0);
    // The other way round it is shared: its download was good.
    expectFromPeers(await holder.download(file, '--sha256', file.sha256), file);
  });

  it('lets neighbours stand in for an origin that is down, as search.whenOriginDown says', async () => {
    await using holder = await lab.node('holder', { config: UNLIMITED });
    await using taker = await lab.node('taker', { config: UNLIMITED + NO_RETRIES });
    const strictRule = `${NO_RETRIES}search: { whenOriginDown: never }\n`;
    await using strict = await lab.node('strict', { config: strictRule });
    const digestRule = `${NO_RETRIES}search: { whenOriginDown: digest }\n`;
    await using careful = await lab.node('careful', { config: digestRule });
    for (const node of [taker, strict, careful]) await node.finds(holder);
    const file = await lab.origin.newFile('4MiB');
    await holder.download(file);
    await lab.origin.kill();

    expectFromPeers(await taker.download(file, '--no-share'), file);
    await expect(strict.download(file)).rejects.toThrow('E_ORIGIN_');
    await expect(careful.download(file)).rejects.toThrow('E_ORIGIN_');
    expectFromPeers(await careful.download(file, '--sha256', file.sha256), file);
    await lab.origin.startAgain();
  });
});
