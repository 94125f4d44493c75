/** What TLS to a file costs without us: nginx https -> curl where both are installed, else Node's https at both ends. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer, get } from 'node:https';
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { cpuSecondsOf } from '../test/support/node-process.ts';

/** Fetches the file `source` in `dir` over TLS 1.3 with AES-128-GCM into a file. */
export interface Baseline extends AsyncDisposable {
  readonly name: string;
  fetch(path: string): Promise<BaselineRun>;
}

/** What one fetch took. */
export interface BaselineRun {
  readonly seconds: number;
  /** Processor seconds of both ends together; null where they cannot be told. */
  readonly cpuSeconds: number | null;
}

/** Key and certificate of the server, PEM files. */
export interface BaselineOptions {
  readonly dir: string;
  readonly keyPem: string;
  readonly chainPem: string;
}

/** Starts the better one that this machine has. */
export async function startBaseline(options: BaselineOptions): Promise<Baseline> {
  const has = (program: string, flag: string) => spawnSync(program, [flag], { stdio: 'ignore' }).status === 0;
  return has('nginx', '-v') && has('curl', '--version') ? await startNginx(options) : await startNode(options);
}

async function startNginx({ dir, keyPem, chainPem }: BaselineOptions): Promise<Baseline> {
  const port = await freePort();
  await mkdir(join(dir, 'nginx'), { recursive: true });
  const path = (name: string) => join(dir, 'nginx', name);
  await writeFile(path('key.pem'), keyPem, { mode: 0o600 });
  await writeFile(path('cert.pem'), chainPem);
  await writeFile(
    path('nginx.conf'),
    `daemon off; worker_processes 1; pid ${path('pid')}; error_log ${path('error.log')};
${process.getuid?.() === 0 ? 'user root;' : ''}
events { worker_connections 16; }
http {
  access_log off; sendfile on;
  client_body_temp_path ${path('body')}; proxy_temp_path ${path('proxy')}; fastcgi_temp_path ${path('fastcgi')};
  uwsgi_temp_path ${path('uwsgi')}; scgi_temp_path ${path('scgi')};
  server {
    listen 127.0.0.1:${port} ssl; root ${dir};
    ssl_certificate ${path('cert.pem')}; ssl_certificate_key ${path('key.pem')};
    ssl_protocols TLSv1.3; ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
  }
}
`,
  );
  await chmod(dir, 0o755);
  const nginx = spawn('nginx', ['-p', path(''), '-e', path('error.log'), '-c', path('nginx.conf')], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  await listening(nginx, port);
  return {
    name: 'nginx https -> curl',
    async fetch(to) {
      // The certificate names a node and no host, so its name is not checked.
      const url = `https://127.0.0.1:${port}/source`;
      const before = await childrenCpuSeconds(nginx.pid as number);
      const startMs = performance.now();
      const curl = await timedCurl(['--silent', '--fail', '--insecure', '--output', to, url]);
      const seconds = (performance.now() - startMs) / 1000;
      const serving = (await childrenCpuSeconds(nginx.pid as number)) - before;
      return { seconds, cpuSeconds: curl + serving };
    },
    async [Symbol.asyncDispose]() {
      const gone = new Promise((resolve) => nginx.once('exit', resolve));
      nginx.kill('SIGTERM');
      await gone;
    },
  };
}

/** Runs curl and returns its processor seconds, as the shell's `times` tells those of its children. */
async function timedCurl(args: readonly string[]): Promise<number> {
  const shell = spawn('sh', ['-c', 'curl "$@" && times', 'sh', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => shell.once('close', resolve));
  const lines = (await text(shell.stdout)).trim().split('\n');
  if ((await ended) !== 0) throw new Error('curl failed');
  const times = [...(lines.at(-1) ?? '').matchAll(/(\d+)m([\d.]+)s/g)];
  return times.reduce((sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds), 0);
}

/** Processor seconds of the children of a process: nginx serves in those (Linux). */
async function childrenCpuSeconds(pid: number): Promise<number> {
  const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ');
  const each = await Promise.all(children.map((child) => cpuSecondsOf(Number(child))));
  return each.reduce((sum, seconds) => sum + seconds, 0);
}

// nginx cannot be told to take any free port.
async function freePort(): Promise<number> {
  const server = createTcpServer();
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

async function startNode({ dir, keyPem, chainPem }: BaselineOptions): Promise<Baseline> {
  const source = join(dir, 'source');
  const { size } = await stat(source);
  const server = createServer({ key: keyPem, cert: chainPem, minVersion: 'TLSv1.3' }, (_, response) => {
    response.writeHead(200, { 'Content-Length': size });
    createReadStream(source, { highWaterMark: 1024 * 1024 }).pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return {
    name: 'node https -> node https',
    async fetch(to) {
      const startMs = performance.now();
      await new Promise<void>((resolve, reject) => {
        get({ host: '127.0.0.1', port, rejectUnauthorized: false }, (response) => {
          pipeline(response, createWriteStream(to)).then(resolve, reject);
        }).once('error', reject);
      });
      return { seconds: (performance.now() - startMs) / 1000, cpuSeconds: null };
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
