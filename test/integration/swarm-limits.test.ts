import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { ConfigInput } from '../../src/config/schema.ts';
import type { TransferView } from '../../src/index.ts';
import { serveDescribed } from '../support/described-file.ts';
import { Link } from '../support/link.ts';
import { Office, type OfficeNode, PATIENCE } from '../support/office.ts';
import type { OriginScript } from '../support/origin-script.ts';
import { OriginServer } from '../support/origin-server.ts';

const MIB = 1024 * 1024;
/** What a transfer to a place that was used before takes. */
const AGAIN = { overwrite: true };

const stack = new AsyncDisposableStack();
let office: Office;
/** Sends as fast as it can, and one that all who ask share a slow link of. */
let origin: OriginServer;
let slowOrigin: OriginServer;

beforeAll(async () => {
  office = stack.use(await Office.open());
  origin = stack.use(await OriginServer.start());
  slowOrigin = stack.use(await OriginServer.start({ link: new Link(6 * MIB) }));
});
afterAll(() => stack.disposeAsync());

async function findEachOther(nodes: readonly OfficeNode[]): Promise<void> {
  for (const node of nodes) {
    const others = nodes.filter((other) => other !== node).map((other) => other.node.nodeId);
    await vi.waitFor(async () => expect(await node.knows()).toEqual(expect.arrayContaining(others)), PATIENCE);
  }
}

async function traced(node: OfficeNode, { id }: TransferView, code: string): Promise<{ atMs: number; text: string }> {
  const entry = (await node.access.transfers.trace(id)).find((it) => it.code === code);
  if (entry === undefined) throw new Error(`the trace has no ${code}`);
  return entry;
}

describe('whether a node fetches a file together with others', () => {
  let node: OfficeNode;
  beforeAll(async () => {
    node = await office.start('alone');
  });

  it('depends on its size', async () => {
    const [below, just] = [
      await serveDescribed(origin, { size: MIB - 1, isAnchored: true }),
      await serveDescribed(origin, { size: MIB, isAnchored: true }),
    ];
    const codesOf = async (url: string) => await node.codes(await node.fetch(url, AGAIN));
    expect(await codesOf(below.url)).not.toContain('SWARM');
    expect(await node.digest()).toBe(below.sha256);
    expect(await codesOf(just.url)).toContain('SWARM');
    expect(await node.digest()).toBe(just.sha256);
  });

  const REASONS: readonly [string, Partial<OriginScript>, RegExp][] = [
    ['no-store', { headers: { 'cache-control': 'no-store' } }, /no-store/],
    ['private', { headers: { 'cache-control': 'private' } }, /private/],
    ['a cookie', { headers: { 'set-cookie': 'id=1' } }, /set-cookie/],
    ['no validators', { etag: null, lastModified: null }, /no-validator/],
  ];
  it.each(REASONS)('depends on what the origin says: %s', async (_, script, reason) => {
    const file = await serveDescribed(origin, { ...script, size: 2 * MIB, isAnchored: true });
    const view = await node.fetch(file.url, AGAIN);
    expect(view).toMatchObject({ state: 'completed', bytesFromOrigin: file.size });
    expect(await node.codes(view)).not.toContain('SWARM');
    expect((await traced(node, view, 'SWARM_OFF')).text).toMatch(reason);
  });

  it('depends on whether the job shows who it is', async () => {
    const file = await serveDescribed(origin, { size: 2 * MIB, isAnchored: true });
    const files = [{ remoteUrl: file.url, localName: node.path('secret.bin') }];
    const job = await node.access.jobs.create({ displayName: 'secret', files });
    await job.setCredentials({ target: 'SERVER', scheme: 'BASIC', user: 'me', password: 'secret' });
    await job.resume();
    await job.transferred();
    const trace = await node.access.transfers.trace(job.id);
    expect(trace.find(({ code }) => code === 'SWARM_OFF')?.text).toMatch(/credentials/);
    await job.cancel();
  });

  it('depends on who else fetches it on this machine', async () => {
    const file = await serveDescribed(slowOrigin, { size: 4 * MIB, isAnchored: true });
    // In the background they would take turns.
    const now = { priority: 'foreground', ...AGAIN } as const;
    const first = node.fetch(file.url, now);
    await vi.waitFor(() => expect(file.originBytes()).toBeGreaterThan(0), PATIENCE);
    const second = await node.fetch(file.url, { destination: node.path('second.bin'), ...now });
    expect((await traced(node, second, 'SWARM_OFF')).text).toContain('this machine is fetching the same');
    expect(await first).toMatchObject({ state: 'completed' });
    expect([await node.digest(), await node.digest('second.bin')]).toEqual([file.sha256, file.sha256]);
  });
});

describe('a fetch begins at the origin', () => {
  /** A neighbour that lets everybody in and never says a word. */
  async function silentNeighbour(): Promise<string> {
    const server = createServer(() => {});
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    stack.defer(() => void server.close());
    return `127.0.0.1:${(server.address() as AddressInfo).port}/p2p/${'12D3KooWDMaj3e6GKEtTGXtPiAhQdiYKrWjYsZPZqJfMhHNFkeus'}`;
  }

  it.each([
    ['foreground', 500],
    ['background', 3_000],
  ] as const)('when the patience of the %s is over, whoever does not answer', async (priority, patienceMs) => {
    const config: ConfigInput = {
      discovery: { static: [await silentNeighbour()], broadcast: false },
      search: { patience: { foreground: '500ms', background: '3s' } },
    };
    const node = await office.start(`patient-${priority}`, { config });
    const file = await serveDescribed(origin, { size: 2 * MIB, isAnchored: true });
    const view = await node.fetch(file.url, { priority });
    expect(view).toMatchObject({ state: 'completed', bytesFromOrigin: file.size });
    const [asked, fetched] = [await traced(node, view, 'SEARCH'), await traced(node, view, 'FETCH')];
    expect(fetched.atMs - asked.atMs).toBeGreaterThanOrEqual(patienceMs - 1);
    // One neighbour may take 15 s to answer, a search a minute.
    expect(fetched.atMs - asked.atMs).toBeLessThan(10_000);
  });
});

// Only Linux gives loopback a broadcast address.
describe.skipIf(process.platform !== 'linux')('nodes that want the same file at once', () => {
  const PATIENT = { search: { patience: { background: '20s' } } } as const;
  let nodes: OfficeNode[];
  beforeAll(async () => {
    const configs: Record<string, ConfigInput> = {
      first: {},
      second: {},
      'gives nothing': { peers: { server: false } },
      'by itself': { swarm: { enabled: false } },
    };
    nodes = [];
    for (const [name, config] of Object.entries(configs)) {
      nodes.push(await office.start(name, { config: { ...PATIENT, ...config } }));
    }
    await findEachOther(nodes);
  });

  it.each([true, false])('get it although not all of them take part (proven in pieces: %s)', async (isAnchored) => {
    const file = await serveDescribed(slowOrigin, { size: 6 * MIB, isAnchored });
    const views = await Promise.all(nodes.map((node) => node.fetch(file.url, AGAIN)));
    for (const view of views) expect(view).toMatchObject({ state: 'completed', error: null });
    for (const node of nodes) expect(await node.digest()).toBe(file.sha256);
    // Two together, and each of the others.
    expect(file.originBytes()).toBeLessThanOrEqual(3.3 * file.size);
  });

  it('get it once from an origin that does not serve ranges', async () => {
    const faults = { noRanges: true };
    const file = await serveDescribed(slowOrigin, { size: 6 * MIB, isAnchored: true, faults });
    const two = nodes.slice(0, 2);
    const views = await Promise.all(two.map((node) => node.fetch(file.url, AGAIN)));
    for (const view of views) expect(view).toMatchObject({ state: 'completed', error: null });
    for (const node of two) expect(await node.digest()).toBe(file.sha256);
    expect(file.originBytes()).toBeLessThanOrEqual(1.1 * file.size);
  });

  it('get it also from one that takes no part but has it', async () => {
    const [first, second, , byItself] = nodes as [OfficeNode, OfficeNode, OfficeNode, OfficeNode];
    const file = await serveDescribed(origin, { size: 6 * MIB, isAnchored: false });
    expect(await byItself.fetch(file.url, AGAIN)).toMatchObject({ sharing: 'shared' });
    const views = await Promise.all([first, second].map((node) => node.fetch(file.url, AGAIN)));
    for (const view of views) expect(view).toMatchObject({ state: 'completed', bytesFromOrigin: 0 });
    for (const node of [first, second]) expect(await node.digest()).toBe(file.sha256);
  });

  it('take nothing from each other any more once policy forbids to ask', async () => {
    const two = nodes.slice(0, 2) as [OfficeNode, OfficeNode];
    const [changing] = two;
    const file = await serveDescribed(slowOrigin, { size: 16 * MIB, isAnchored: true });
    const fetching = two.map((node) => node.fetch(file.url, AGAIN));
    const received = async () => {
      const view = (await changing.access.transfers.list()).find(({ url }) => url === file.url);
      return view?.bytesFromPeers ?? 0;
    };
    await expect.poll(received, { ...PATIENCE, interval: 5 }).toBeGreaterThan(0);
    await changing.configure(office.config({ ...PATIENT, peers: { client: false } }));
    await changing.access.reload();
    const before = await received();
    for (const view of await Promise.all(fetching)) expect(view).toMatchObject({ state: 'completed', error: null });
    expect(await received()).toBe(before);
    for (const node of two) expect(await node.digest()).toBe(file.sha256);
    await changing.configure(office.config(PATIENT));
    await changing.access.reload();
    await findEachOther(two);
  });

  it('get it when one of them is told to take no part meanwhile, and to take part again', async () => {
    const two = nodes.slice(0, 2) as [OfficeNode, OfficeNode];
    const [changing] = two;
    const file = await serveDescribed(slowOrigin, { size: 16 * MIB, isAnchored: true });
    const fetching = two.map((node) => node.fetch(file.url, AGAIN));
    for (const enabled of [false, true]) {
      const before = file.originBytes();
      await vi.waitFor(() => expect(file.originBytes()).toBeGreaterThan(before + MIB), PATIENCE);
      await changing.configure(office.config({ ...PATIENT, swarm: { enabled } }));
      await changing.access.reload();
    }
    for (const view of await Promise.all(fetching)) expect(view).toMatchObject({ state: 'completed', error: null });
    for (const node of two) expect(await node.digest()).toBe(file.sha256);
    expect(file.originBytes()).toBeLessThanOrEqual(2.1 * file.size);
  });
});
