import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Link } from '../support/link.ts';
import { Office, type OfficeNode, PATIENCE } from '../support/office.ts';
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

async function notes(node: OfficeNode, id: string, code: string): Promise<string[]> {
  return (await node.access.transfers.trace(id)).filter((note) => note.code === code).map(({ text }) => text);
}

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
