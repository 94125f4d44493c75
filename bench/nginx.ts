/** nginx as an origin of its own, where it is installed. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as wait } from 'node:timers/promises';
import { cpuSecondsOf } from '../test/support/node-process.ts';

/** Serves the files of a directory on a port of loopback. */
export interface Nginx extends AsyncDisposable {
  readonly port: number;
  /** Processor seconds it served with so far. */
  cpuSeconds(): Promise<number>;
}

/** Whether a program is installed; `flags` let it say its version and end. */
export function isInstalled(program: string, ...flags: readonly string[]): boolean {
  return spawnSync(program, flags.length === 0 ? ['--version'] : flags, { stdio: 'ignore' }).status === 0;
}

/** Serves `dir` over HTTP, or over TLS 1.3 with AES-128-GCM when `tls` gives key and certificate as PEM. */
export async function startNginx(
  dir: string,
  tls: { readonly keyPem: string; readonly chainPem: string } | null,
): Promise<Nginx> {
  const port = await freePort();
  const path = (name: string) => join(dir, 'nginx', name);
  await mkdir(join(dir, 'nginx'), { recursive: true });
  if (tls !== null) {
    await writeFile(path('key.pem'), tls.keyPem, { mode: 0o600 });
    await writeFile(path('cert.pem'), tls.chainPem);
  }
  await writeFile(path('nginx.conf'), configFor(dir, path, port, tls !== null));
  await chmod(dir, 0o755);
  const nginx = spawn('nginx', ['-p', path(''), '-e', path('error.log'), '-c', path('nginx.conf')], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  await listening(nginx, port);
  return {
    port,
    cpuSeconds: () => childrenCpuSeconds(nginx.pid as number),
    async [Symbol.asyncDispose]() {
      const gone = new Promise((resolve) => nginx.once('exit', resolve));
      nginx.kill('SIGTERM');
      await gone;
    },
  };
}

/** Runs a program to its end and returns its processor seconds, as the shell's `times` tells those of its children. */
export async function timed(program: string, args: readonly string[]): Promise<number> {
  const shell = spawn('sh', ['-c', '"$@" >&2 && times', 'sh', program, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve) => shell.once('close', resolve));
  const lines = (await text(shell.stdout)).trim().split('\n');
  if ((await ended) !== 0) throw new Error(`${program} failed`);
  const times = [...(lines.at(-1) ?? '').matchAll(/(\d+)m([\d.]+)s/g)];
  return times.reduce((sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds), 0);
}

function configFor(dir: string, path: (name: string) => string, port: number, secure: boolean): string {
  const tls = `ssl_certificate ${path('cert.pem')}; ssl_certificate_key ${path('key.pem')};
    ssl_protocols TLSv1.3; ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;`;
  return `daemon off; worker_processes 1; pid ${path('pid')}; error_log ${path('error.log')};
${process.getuid?.() === 0 ? 'user root;' : ''}
events { worker_connections 64; }
http {
  access_log off; sendfile on;
  client_body_temp_path ${path('body')}; proxy_temp_path ${path('proxy')}; fastcgi_temp_path ${path('fastcgi')};
  uwsgi_temp_path ${path('uwsgi')}; scgi_temp_path ${path('scgi')};
  server {
    listen 127.0.0.1:${port}${secure ? ' ssl' : ''}; root ${dir};
    ${secure ? tls : ''}
  }
}
`;
}

/** Processor seconds of the children of a process: nginx serves in those (Linux). */
async function childrenCpuSeconds(pid: number): Promise<number> {
  const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ');
  const each = await Promise.all(children.map((child) => cpuSecondsOf(Number(child))));
  return each.reduce((sum, seconds) => sum + seconds, 0);
}

/** A TCP port of loopback that is free now, for programs that cannot be told to take any. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function listening(server: ChildProcess, port: number): Promise<void> {
  for (let tries = 0; tries < 100 && server.exitCode === null; tries++) {
    const open = await new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true));
      socket.once('error', () => resolve(false));
      socket.once('close', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (open) return;
    await wait(50);
  }
  throw new Error('nginx did not start');
}
