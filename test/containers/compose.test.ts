import { expect, inject, it, vi } from 'vitest';
import type { NodeStatus, PeerView } from '../../src/api/views.ts';
import type { TransferView } from '../../src/job/model/transfer-view.ts';
import { ComposeProject, findCompose } from './support/compose-project.ts';
import { describeInContainers } from './support/lab.ts';

const URL = 'http://origin:8080/file/8MiB?seed=1';
const SIZE = 8 * 2 ** 20;

async function nearbits<T>(project: ComposeProject, service: string, ...args: string[]): Promise<T> {
  return JSON.parse(await project.exec(service, 'nearbits', ...args, '--json')) as T;
}

/** Waits until the node runs and knows so many neighbours. */
async function knows(project: ComposeProject, service: string, count: number): Promise<void> {
  await vi.waitFor(
    async () => {
      const { peers } = await nearbits<{ peers: PeerView[] }>(project, service, 'peers');
      if (peers.length !== count) throw new Error(`${service} knows ${peers.length} neighbours, not ${count}`);
    },
    { timeout: 60_000, interval: 500 },
  );
}

async function download(project: ComposeProject, service: string): Promise<TransferView & { fileSha256: string }> {
  const transfer = await nearbits<TransferView>(project, service, 'get', URL, '-o', '/tmp/f');
  const [fileSha256 = ''] = (await project.exec(service, 'sha256sum', '/tmp/f')).split(' ');
  return { ...transfer, fileSha256 };
}

async function askOrigin<T>(project: ComposeProject, path: string): Promise<T> {
  const script = `fetch('http://127.0.0.1:8080${path}').then((a) => a.text()).then(console.log)`;
  return JSON.parse(await project.exec('origin', 'node', '-e', script)) as T;
}

describeInContainers('docker-compose.yml', () => {
  it('brings up an office that downloads a file once, and a stranger on another network', async (context) => {
    const command = await findCompose();
    const lab = inject('containerLab');
    if (command === null && process.env.NEARBITS_REQUIRE_DOCKER !== '1')
      context.skip('docker compose is not installed');
    if (command === null || lab.missing !== null) throw new Error('docker compose is not installed');
    await using project = await ComposeProject.up(command, lab.run, lab.images);

    for (const service of ['node1', 'node2', 'node3', 'node4']) await knows(project, service, 3);
    await knows(project, 'stranger', 0);
    expect((await nearbits<NodeStatus>(project, 'stranger', 'status')).domain?.name).toBe('office');

    const { sha256 } = await askOrigin<{ sha256: string }>(project, '/sha256/8MiB?seed=1');
    const first = await download(project, 'node1');
    expect([first.fileSha256, first.bytesFromOrigin]).toEqual([sha256, SIZE]);
    const others = await Promise.all(['node2', 'node3', 'node4'].map((service) => download(project, service)));
    for (const other of others) expect([other.fileSha256, other.bytesFromPeers]).toEqual([sha256, SIZE]);
    expect((await askOrigin<{ bytesSent: number }>(project, '/stats')).bytesSent).toBe(SIZE);

    const strange = await download(project, 'stranger');
    expect([strange.fileSha256, strange.bytesFromOrigin]).toEqual([sha256, SIZE]);
  });
});
