import { spawn } from 'node:child_process';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { type LanMachine, runOn } from './namespaces.ts';

const PORT = 3128;

/** A caching proxy that asks the origin once for what many ask it for at the same time. */
export async function startSquid(
  machine: LanMachine,
  dir: string,
): Promise<AsyncDisposable & { readonly url: string }> {
  const path = (name: string) => join(dir, name);
  await mkdir(dir, { recursive: true });
  // It gives up the rights of root, and still has to reach its folder.
  await chmod(join(dir, '..'), 0o755);
  await chmod(dir, 0o777);
  await writeFile(path('squid.conf'), configFor(machine, path));
  const [program = '', ...args] = [...machine.through, 'squid', '-N', '-f', path('squid.conf')];
  const squid = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  while (!(await runOn(machine, 'ss', '-Hltn', `sport = :${PORT}`)).includes(`:${PORT}`)) {
    if (squid.exitCode !== null) throw new Error('squid did not start');
    await wait(50);
  }
  const dispose = async () => {
    const gone = new Promise((resolve) => squid.once('close', resolve));
    squid.kill('SIGKILL');
    await gone;
  };
  return { url: `http://${machine.host}:${PORT}`, [Symbol.asyncDispose]: dispose };
}

function configFor({ host }: LanMachine, path: (name: string) => string): string {
  return `http_port ${host}:${PORT}
visible_hostname box
http_access allow all
cache_mem 1 GB
maximum_object_size 1 GB
maximum_object_size_in_memory 1 GB
memory_cache_mode always
collapsed_forwarding on
pid_filename ${path('squid.pid')}
access_log none
cache_log ${path('cache.log')}
coredump_dir ${path('')}
shutdown_lifetime 0 seconds
`;
}
