import { execFile, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const NAMESPACE = ['--user', '--map-root-user', '--net'];
const SCRIPT = fileURLToPath(new URL('../support/discovery/mdns-near-side.ts', import.meta.url));

// Real multicast, but on a cable between two network namespaces of this test: nothing else hears it.
function canUseNamespaces(): boolean {
  const command = [...NAMESPACE, 'ip', 'link', 'add', 'lan0', 'type', 'veth', 'peer', 'name', 'lan1'];
  return process.platform === 'linux' && spawnSync('unshare', command).status === 0;
}

describe.skipIf(!canUseNamespaces())('mDNS by @libp2p/mdns', () => {
  it('lets nodes of one domain find each other, also after their interface was away', async () => {
    const { stdout } = await promisify(execFile)('unshare', [...NAMESPACE, process.execPath, SCRIPT]);
    const [near, far, newcomer] = ['10.66.0.2:20001', '10.66.0.3:20003', '10.66.0.3:20004'];
    expect(JSON.parse(stdout)).toEqual({
      first: { met: true, near: [far], far: [near] },
      again: { askedAgain: true, near: [far, newcomer], newcomer: [near, far] },
      foreignPeers: [],
    });
  });
});
