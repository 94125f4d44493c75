import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { RangeSet } from '../../src/core/range-set.ts';
import type { FilledRange } from '../../src/job/model/view.ts';
import { describeInContainers, Lab, NO_DOMAIN } from './support/lab.ts';
import { MachineJob } from './support/machine-job.ts';
import type { LoggedRequest, NginxMachine } from './support/nginx-machine.ts';
import type { NodeMachine } from './support/node-machine.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;
/** Headers of HTTP, TCP and IP. */
const OVERHEAD = 1.06;
/** What a cut connection costs: the piece that was on its way, and what lay in the buffers of both machines. */
const PER_CUT = 3 * MIB;

describeInContainers('jobs with nginx as the origin', () => {
  let lab: Lab;
  let nginx: NginxMachine;
  let node: NodeMachine;
  beforeAll(async () => {
    lab = await Lab.open('origin');
    nginx = await lab.nginx();
    node = await lab.node('node', { token: NO_DOMAIN, config: 'origin: { retries: 2 }\n' });
  });
  afterAll(async () => {
    await node?.[Symbol.asyncDispose]();
    await lab?.[Symbol.asyncDispose]();
  });

  it.each([
    { when: 'at once', down: async () => {} },
    {
      when: 'after the job has given up for now',
      down: async (job: MachineJob) => {
        await job.retryEarly();
        await job.is('TRANSIENT_ERROR');
      },
    },
  ])('go on where they were when nginx comes back $when', async ({ when, down }) => {
    const name = `restart ${when}`;
    const path = `/tmp/${name}`;
    const size = 12 * MIB;
    const sha256 = await nginx.putFile('restart', '12M');
    const before = (await node.wire()).receivedBytes;
    const job = await MachineJob.begin(node, name, [{ url: nginx.url('restart', 'slow'), path }]);
    await job.hasBytes(4 * MIB);
    const filled = setOf(await job.filled());
    const logged = (await nginx.requests('/slow/restart')).length;
    await nginx.stopServing();
    await down(job);
    await nginx.serveAgain();

    await job.is('TRANSFERRED');
    expect(await job.complete(path)).toEqual([sha256]);
    expect(filled.size).toBeGreaterThanOrEqual(3 * MIB);
    const later = (await nginx.requests('/slow/restart')).slice(logged);
    expect(askedBy(later).intersect(filled).ranges).toEqual([]);
    expect((await node.wire()).receivedBytes - before).toBeLessThan(size * OVERHEAD + PER_CUT);
  });

  it('start a file over that was replaced midway, and keep the ones that are there', async () => {
    const first = await nginx.putFile('first', '2M');
    await nginx.putFile('replaced', '8M');
    const files = ['first', 'replaced'].map((name) => ({ url: nginx.url(name, 'slow'), path: `/tmp/${name}` }));
    const job = await MachineJob.begin(node, 'replaced', files);
    await job.hasBytes(5 * MIB);
    await nginx.stopServing();
    const second = await nginx.putFile('replaced', '7M');
    await nginx.serveAgain();

    await job.is('TRANSFERRED');
    expect(await job.complete('/tmp/first', '/tmp/replaced')).toEqual([first, second]);
    expect(bytesOf(await nginx.requests('/slow/first'))).toBe(2 * MIB);
    // The first answer after the change is broken off: it was to continue the old file.
    expect(bytesOf(await nginx.requests('/slow/replaced'))).toBeLessThan(8 * MIB);
    const trace = await node.run('nearbits', 'explain', (await job.view()).id);
    expect(trace).toContain('STARTED_OVER');
  });

  it('ask for one range at a time and refuse an answer that has several', async () => {
    await nginx.putFile('ranges', '1M');
    const asked = { path: '/tmp/ranges', ranges: '100:500,200000:1000' };
    const { headers } = await nginx.headersFor(nginx.url('ranges'), 'range: bytes=0-99,200-299');
    expect(headers['content-type']).toMatch(/^multipart\/byteranges/);
    const other = { ...asked, url: nginx.url('ranges', 'two-ranges') };
    const refused = await MachineJob.begin(node, 'two ranges', [other]);
    const { error } = await refused.until((job) => job.error !== null);
    expect(error).toMatchObject({ code: 'BG_E_INVALID_SERVER_RESPONSE', details: { reason: 'multipart' } });
    await node.nearbits('job', 'cancel', refused.name);

    await nginx.shell('cp ranges parts');
    const job = await MachineJob.begin(node, 'ranges', [{ ...asked, url: nginx.url('parts') }]);
    await job.is('TRANSFERRED');
    const cut = 'tail -c +101 parts | head -c 500; tail -c +200001 parts | head -c 1000';
    const [expected] = (await nginx.shell(`{ ${cut}; } | sha256sum`)).split(' ');
    expect(await job.complete(asked.path)).toEqual([expected]);
    const gets = (await nginx.requests('/parts')).filter(({ method }) => method === 'GET');
    expect(gets.map(({ range, status, sent }) => ({ range, status, sent }))).toEqual([
      { range: 'bytes=100-599', status: 206, sent: 500 },
      { range: 'bytes=200000-200999', status: 206, sent: 1000 },
    ]);
  });

  it('get whole files without ranges, and no parts', async () => {
    const sha256 = await nginx.putFile('whole', '3M');
    const url = nginx.url('whole', 'no-ranges');
    const parts = await MachineJob.begin(node, 'parts', [{ url, path: '/tmp/parts', ranges: '100:500' }]);
    const { error, bytes } = await parts.is('ERROR');
    expect(error).toMatchObject({ code: 'BG_E_INSUFFICIENT_RANGE_SUPPORT', context: 'REMOTE_FILE' });
    expect(bytes.transferred).toBe(0);
    await node.nearbits('job', 'cancel', 'parts');

    const job = await MachineJob.begin(node, 'whole', [{ url, path: '/tmp/whole' }]);
    await job.is('TRANSFERRED');
    expect(await job.complete('/tmp/whole')).toEqual([sha256]);
  });

  it('get the bytes themselves where others get them compressed', async () => {
    await nginx.shell('yes "the same line" | head -c 2000000 >text');
    const [sha256] = (await nginx.shell('sha256sum text')).split(' ');
    const url = nginx.url('text', 'zipped');
    const { headers } = await nginx.headersFor(url, 'accept-encoding: gzip');
    expect(headers['content-encoding']).toBe('gzip');
    const job = await MachineJob.begin(node, 'text', [{ url, path: '/tmp/text' }]);
    await job.is('TRANSFERRED');
    expect(await job.complete('/tmp/text')).toEqual([sha256]);
    const gets = (await nginx.requests('/zipped/text')).filter(({ accepts }) => accepts !== 'gzip');
    expect(new Set(gets.map(({ accepts }) => accepts))).toEqual(new Set(['identity']));
    expect(bytesOf(gets)).toBe(2_000_000);
  });

  it('get what lies far out in a file of 100 GiB', async () => {
    await nginx.shell('truncate -s 100G huge; head -c 6M /dev/urandom >known');
    await nginx.shell('dd if=known of=huge bs=1M count=5 seek=$((99 * 1024)) conv=notrunc status=none');
    await nginx.shell('dd if=known of=huge bs=1M skip=5 seek=$((100 * 1024 - 1)) conv=notrunc status=none');
    const [sha256] = (await nginx.shell('sha256sum known')).split(' ');
    const ranges = `${99 * GIB}:${5 * MIB},${100 * GIB - MIB}:eof`;
    const job = await MachineJob.begin(node, 'huge', [{ url: nginx.url('huge'), path: '/tmp/huge', ranges }]);
    await job.is('TRANSFERRED');
    expect(await job.complete('/tmp/huge')).toEqual([sha256]);
    expect(bytesOf(await nginx.requests('/huge'))).toBe(6 * MIB);
  });

  it('wait while the machine has no network, and go on by themselves when it is back', async () => {
    const sha256 = await nginx.putFile('offline', '16M');
    const begin = (name: string, priority: string) =>
      MachineJob.begin(
        node,
        name,
        [{ url: nginx.url('offline', 'slow'), path: `/tmp/${name}` }],
        '--priority',
        priority,
      );
    const [waiting, running] = [await begin('waiting', 'NORMAL'), await begin('running', 'HIGH')];
    const jobs = [running, waiting];
    await running.hasBytes(2 * MIB);
    await lab.lan.disconnect(node.id);
    for (const job of jobs) {
      const { error, retryAtMs } = await job.is('TRANSIENT_ERROR');
      expect({ code: error?.code, retryAtMs }).toEqual({ code: 'BG_E_NETWORK_DISCONNECTED', retryAtMs: null });
    }
    const filled = setOf(await running.filled());
    expect(filled.size).toBeGreaterThanOrEqual(MIB);
    await lab.lan.connect(node.id);
    onTestFinished(() => lab.lan.disconnect(node.id));
    for (const job of jobs) {
      await job.is('TRANSFERRED');
      expect(await job.complete(`/tmp/${job.name}`)).toEqual([sha256]);
    }
  });
});

function setOf(ranges: readonly FilledRange[]): RangeSet {
  return RangeSet.of(...ranges.map(({ offset, length }) => ({ start: offset, end: offset + length })));
}

/** The bytes that requests asked for. */
function askedBy(requests: readonly LoggedRequest[]): RangeSet {
  const gets = requests.filter(({ method }) => method === 'GET');
  const ranges = gets.map(({ range }) => /^bytes=(\d+)-(\d*)$/.exec(range === '' ? 'bytes=0-' : range));
  const ends = (last = '') => (last === '' ? Number.MAX_SAFE_INTEGER : Number(last) + 1);
  return RangeSet.of(...ranges.map((match) => ({ start: Number(match?.[1]), end: ends(match?.[2]) })));
}

/** Bytes of content that were sent for requests. */
function bytesOf(requests: readonly LoggedRequest[]): number {
  return requests.filter(({ method }) => method === 'GET').reduce((sum, { sent }) => sum + sent, 0);
}
