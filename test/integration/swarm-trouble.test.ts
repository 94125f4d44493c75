import { readdir, readlink } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { serveDescribed } from '../support/described-file.ts';
import { Link } from '../support/link.ts';
import { Office, type OfficeNode, PATIENCE } from '../support/office.ts';
import { linkTo, metalinkOf } from '../support/origin-metalink.ts';
import { bytesContent } from '../support/origin-script.ts';
import { OriginServer } from '../support/origin-server.ts';
import { PseudoRandomFile } from '../support/pseudo-random-file.ts';

const MIB = 1024 * 1024;
const content = new PseudoRandomFile({ size: 12 * MIB + 4321, seed: 'trouble' });
let office: Office;
let origin: OriginServer;

beforeEach(async () => {
  office = await Office.open();
  origin = await OriginServer.start({ link: new Link(8 * MIB) });
});

afterEach(async () => {
  await office[Symbol.asyncDispose]();
  await origin.stop();
});

/** Nodes that know each other. */
async function start(count: number): Promise<OfficeNode[]> {
  const nodes: OfficeNode[] = [];
  for (let at = 0; at < count; at++) nodes.push(await office.start(`node${at}`));
  for (const node of nodes) await expect.poll(() => node.knows(), PATIENCE).toHaveLength(count - 1);
  return nodes;
}

/** Its Metalink document, in which the hash of one piece is wrong and the digest of the whole is right. */
function wrongDocument(piece: number): string {
  const lines = metalinkOf(content).toString().split('\n');
  const first = lines.findIndex((line) => line.includes('<pieces')) + 1;
  lines[first + piece] = `      <hash>${'ab'.repeat(32)}</hash>`;
  return lines.join('\n');
}

async function notes(node: OfficeNode, id: string, code: string): Promise<string[]> {
  return (await node.access.transfers.trace(id)).filter((note) => note.code === code).map(({ text }) => text);
}

// Only Linux gives loopback a broadcast address.
describe.skipIf(process.platform !== 'linux')('a file whose Metalink document names a wrong piece', () => {
  it('is fetched all the same where the digest of the whole is right, and still by each for all', async () => {
    origin.serve('/file.meta4', { content: bytesContent(Buffer.from(wrongDocument(5))) });
    const url = origin.serve('/file.bin', { content, headers: { link: linkTo('/file.meta4') } });
    const nodes = await start(3);
    const views = await Promise.all(nodes.map((node) => node.fetch(url)));
    for (const view of views) expect(view).toMatchObject({ state: 'completed', error: null });
    for (const node of nodes) expect(await node.digest()).toBe(await content.sha256());
    for (const [at, { id }] of views.entries()) {
      const [text] = await notes(nodes[at] as OfficeNode, id, 'STARTED_OVER');
      expect(text).toContain('does not consist of the pieces that describe it');
    }
    // Each asks twice for the piece that is wrong; what was fetched in vain behind it counts too.
    expect(origin.statsOf('/file.bin').bytesSent).toBeLessThanOrEqual(2.3 * content.size);
  });

  it('is refused when the user gave the document', async () => {
    const url = origin.serve('/file.bin', { content });
    const [node] = (await start(1)) as [OfficeNode];
    const view = await node.fetch(url, { metalink: { document: wrongDocument(5) } });
    expect(view).toMatchObject({ state: 'failed', error: { code: 'E_VALIDATION_FAILED' } });
  });
});

describe.skipIf(process.platform !== 'linux')('a file of which the origin sends no parts although it says so', () => {
  it('is fetched whole by one without a wait for what others might get', async () => {
    const nodes = await start(3);
    const file = await serveDescribed(origin, { size: 8 * MIB, isAnchored: true, faults: { ignoreRange: true } });
    const beganMs = performance.now();
    const views = await Promise.all(nodes.map((node) => node.fetch(file.url)));
    expect(performance.now() - beganMs).toBeLessThan(20_000);
    for (const view of views) expect(view).toMatchObject({ state: 'completed', error: null });
    // The answer to whoever asked for all of it while it knew nobody else is good, too.
    expect(file.originBytes()).toBeLessThan(2.9 * file.size);
  });
});

describe('a file that only the whole can prove', () => {
  it('is not fetched together when its owner completes the job himself', async () => {
    const url = origin.serve('/file.bin', { content });
    const [node] = (await start(1)) as [OfficeNode];
    const files = [{ remoteUrl: url, localName: node.path('file.bin') }];
    const job = await node.access.jobs.create({ displayName: 'by hand', files, resume: true });
    await expect.poll(async () => (await job.get()).state, PATIENCE).toBe('TRANSFERRED');
    const [text] = await notes(node, job.id, 'SWARM_OFF');
    expect(text).toContain('when its owner completes the job');
    await job.complete();
  });
});

/** Files below the folder of the office that are open in this process. */
async function openFiles(): Promise<string[]> {
  const links = await readdir('/proc/self/fd');
  const paths = await Promise.all(links.map((link) => readlink(`/proc/self/fd/${link}`).catch(() => '')));
  return paths.filter((path) => path.startsWith(office.dir) && path.includes('.bin'));
}

describe.skipIf(process.platform !== 'linux')('twenty files, of which some are fetched and some cancelled', () => {
  /** Begins with a file on both nodes; one of them may give up when it has got something. */
  async function fetchBoth(nodes: readonly OfficeNode[], name: string, isCancelled: boolean, isAnchored: boolean) {
    const file = await serveDescribed(origin, { size: 3 * MIB, isAnchored, pieceSize: 300_000 });
    const request = (node: OfficeNode) => ({ url: file.url, destination: node.path(name) });
    const ids = await Promise.all(nodes.map(async (node) => (await node.access.transfers.start(request(node))).id));
    const [first] = nodes as [OfficeNode];
    if (isCancelled) {
      const bytes = async () => (await first.access.transfers.get(ids[0] as string)).bytesDone;
      await expect.poll(bytes, { ...PATIENCE, interval: 5 }).toBeGreaterThan(0);
      await first.access.transfers.cancel(ids[0] as string);
    }
    const views = await Promise.all(nodes.map((node, at) => node.access.transfers.settled(ids[at] as string)));
    expect(views[1]).toMatchObject({ state: 'completed', error: null });
  }

  it('leave no file open, and let the nodes stop at any time', async () => {
    const nodes = await start(2);
    for (let at = 0; at < 20; at += 4) {
      const four = [0, 1, 2, 3].map((more) => fetchBoth(nodes, `${at + more}.bin`, more % 2 === 0, more < 2));
      await Promise.all(four);
    }
    // Files of an anchor stay open while they are given, and are given while somebody may want them.
    expect((await openFiles()).filter((path) => path.endsWith('.nbpart'))).toEqual([]);
    const last = await serveDescribed(origin, { size: 64 * MIB, isAnchored: true });
    for (const node of nodes) await node.access.transfers.start({ url: last.url, destination: node.path('last.bin') });
    await expect.poll(() => last.originBytes(), { ...PATIENCE, interval: 5 }).toBeGreaterThan(MIB);
    for (const { node } of nodes) await node.stop();
    expect(await openFiles()).toEqual([]);
  });
});
