import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { printProblem } from '../../config/problem.ts';
import { readEffective } from '../../config/store.ts';
import { systemErrorCode, toNearbitsError } from '../../core/errors.ts';
import { printDuration } from '../../core/units.ts';
import { type Check, type Finding, fail, pass, warn } from './check.ts';

const DAY_MS = 86_400_000;
/** Members are warned this long before their certificate ends. */
const EXPIRES_SOON_MS = 30 * DAY_MS;

/** Whether configuration and policy are acceptable, and what the policy overrides. */
export const checkConfig: Check = async ({ paths }) => {
  const name = 'configuration';
  const { problems, report } = await readEffective(paths);
  if (problems.length > 0) {
    return problems.map((problem) => fail(name, printProblem(problem), 'Correct the file; see docs/CONFIG.md.'));
  }
  const overridden = report.entries.filter((entry) => entry.overridden !== null).map(({ key }) => key);
  const files = [report.configFile, report.policyFile].filter(({ exists }) => exists).map(({ path }) => path);
  const text = files.length === 0 ? 'no files, so all defaults' : files.join(', ');
  if (overridden.length === 0) return [pass(name, text)];
  const next = 'Take them out of the preferences, or ask the administrator.';
  return [
    warn(
      name,
      `${text}; preferences without effect, because the policy overrides them: ${overridden.join(', ')}`,
      next,
    ),
  ];
};

/** Whether this machine is a member of a domain, and for how long. */
export const checkDomain: Check = async ({ paths, clock }) => {
  const name = 'domain';
  const { loadMembership } = await import('../../domain/membership.ts');
  const { loadOrCreateIdentity } = await import('../../peer/identity.ts');
  try {
    const { nodeId } = await loadOrCreateIdentity(paths.dataDir);
    const membership = await loadMembership(join(paths.dataDir, 'domain'), nodeId, clock);
    if (membership === null) {
      const next = 'Run "nearbits domain join TOKEN", or "nearbits domain create NAME" on the first machine.';
      return [warn(name, 'this machine is in no domain, so it fetches from origins only', next)];
    }
    const left = membership.notAfterMs - clock.wallMs();
    const text = `member of "${membership.domain}" for another ${printDuration(left)}`;
    if (left > EXPIRES_SOON_MS) return [pass(name, text)];
    return [warn(name, text, 'Join again with a new token to renew the certificate.')];
  } catch (error) {
    const { message, hint } = toNearbitsError(error);
    return [fail(name, message, hint ?? 'Join the domain again.')];
  }
};

/** Whether a node runs. */
export const checkDaemon: Check = async ({ status, paths }) => {
  const name = 'node';
  if (status === null) {
    return [
      warn(
        name,
        `none answers on ${paths.socketPath}`,
        'Run "nearbits up"; "nearbits get" works without, but serves nobody.',
      ),
    ];
  }
  const text = `version ${status.version} runs as process ${status.pid}`;
  if (status.peering.on)
    return [pass(name, `${text}, ${status.peers.authenticated} of ${status.peers.known} neighbours authenticated`)];
  return [
    warn(
      name,
      `${text}, without peer traffic: ${status.peering.reason ?? 'off'}`,
      'Run "nearbits config show peers" and "nearbits domain show".',
    ),
  ];
};

/** Whether the ports are open, when a node runs, or could be opened, when none does. */
export const checkPorts: Check = async ({ status, config }) => {
  const name = 'ports';
  if (status !== null) {
    const { peer, content, discovery } = status.ports;
    const open = [peer, content, discovery].filter((port) => port !== null);
    return [pass(name, open.length === 0 ? 'the node has none open' : `the node has ${open.join(', ')} open`)];
  }
  if (config === null) return [];
  const { host, peerPort, contentPort } = config.listen;
  const results = await Promise.all([
    probe('listen.peerPort', peerPort, () => tryTcp(host, peerPort)),
    probe('listen.contentPort', contentPort, () => tryTcp(host, contentPort)),
    probe('discovery.port', config.discovery.port, () => tryUdp(config.discovery.port)),
  ]);
  return results;
};

async function probe(key: string, port: number, open: () => Promise<void>): Promise<Finding> {
  try {
    await open();
    return pass('ports', `${key} ${port === 0 ? '(any)' : port} is free`);
  } catch (error) {
    const why = systemErrorCode(error) ?? toNearbitsError(error).message;
    return fail(
      'ports',
      `${key} ${port} cannot be opened (${why})`,
      `Stop the program that uses it, or change ${key}.`,
    );
  }
}

async function tryTcp(host: string, port: number): Promise<void> {
  const server = createServer();
  server.listen(port, host);
  await once(server, 'listening');
  server.close();
  await once(server, 'close');
}

async function tryUdp(port: number): Promise<void> {
  // As the node does it: several nodes of one machine may share the port.
  const socket = createSocket({ type: 'udp4', reuseAddr: true });
  try {
    socket.bind(port);
    await once(socket, 'listening');
  } finally {
    socket.close();
  }
}
