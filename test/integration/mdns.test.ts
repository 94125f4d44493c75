import { execFile, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const NAMESPACE = ['--user', '--map-root-user', '--net'];
const SCRIPT = fileURLToPath(new URL('../support/discovery/mdns-in-namespace.ts', import.meta.url));

// Real multicast, but on an interface of an empty network namespace: nothing leaves the machine or this test.
function canUseNamespaces(): boolean {
  const command = [...NAMESPACE, 'ip', 'link', 'add', 'lan0', 'type', 'veth', 'peer', 'name', 'lan1'];
  return process.platform === 'linux' && spawnSync('unshare', command).status === 0;
}

describe.skipIf(!canUseNamespaces())('mDNS by @libp2p/mdns', () => {
  it('lets nodes of one domain find each other, also after their interface was away', async () => {
    const { stdout } = await promisify(execFile)('unshare', [...NAMESPACE, process.execPath, SCRIPT]);
    const port = (index: number) => `10.66.0.2:${20_000 + index}`;
    expect(JSON.parse(stdout)).toEqual({
      met: true,
      peers: [
        [port(2), port(3)],
        [port(1), port(3)],
        [port(1), port(2)],
      ],
      metAgain: true,
      newcomer: [port(1), port(2), port(3)],
      foreignPeers: [],
    });
  });
});
