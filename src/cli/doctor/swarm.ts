import type { NodeStatus } from '../../api/views.ts';
import type { Config } from '../../config/config.ts';
import { type Check, type Finding, pass, warn } from './check.ts';

const NAME = 'swarms';

/** Whether this machine can fetch files together with its neighbours, and if not, what stands in the way. */
export const checkSwarms: Check = async ({ config, status }) => {
  if (config === null) return [];
  const off = switchedOff(config) ?? unreachable(config);
  if (off !== null) return [off];
  return [status === null ? pass(NAME, 'allowed; a running node shows whether neighbours are there') : ofNode(status)];
};

function switchedOff({ swarm, peers }: Config): Finding | null {
  if (!swarm.enabled)
    return warn(
      NAME,
      'off: swarm.enabled is false, so machines that want a new file at once fetch all of it from the origin each',
      'Set swarm.enabled: true.',
    );
  for (const key of ['enabled', 'client', 'server'] as const) {
    if (peers[key]) continue;
    const why = key === 'server' ? ', and who gives nothing to others takes no part' : '';
    return warn(NAME, `off: peers.${key} is false${why}`, `Set peers.${key}: true.`);
  }
  return null;
}

// Who is in the roster is asked directly, so that mDNS alone is enough, and names alone are too.
function unreachable({ discovery }: Config): Finding | null {
  const { enabled, broadcast, mdns, staticPeers } = discovery;
  if (staticPeers.length > 0 || (enabled && (broadcast || mdns))) return null;
  return warn(
    NAME,
    'nobody can be found: neighbours are neither looked for nor named',
    'Set discovery.enabled and discovery.broadcast to true, or name neighbours in discovery.static.',
  );
}

function ofNode({ swarms, peers }: NodeStatus): Finding {
  if (!swarms.on)
    return warn(
      NAME,
      `off: ${swarms.reason ?? 'the node does not say why'}`,
      'Run "nearbits status" and "nearbits config check".',
    );
  if (peers.known === 0)
    return warn(
      NAME,
      'no other member has been seen yet, so every file is fetched alone',
      'Run "nearbits peers --clear --discover"; if nobody answers, look at the firewall (README, step 1) and at discovery.static.',
    );
  if (peers.available === 0)
    return warn(
      NAME,
      `none of the ${peers.known} known neighbours can be reached`,
      'Run "nearbits peers"; look at the firewall there, and run "nearbits doctor" on one of them.',
    );
  return pass(NAME, `on, with ${peers.available} of ${peers.known} known neighbours within reach`);
}
