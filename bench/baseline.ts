/** What TLS to a file costs without us: nginx https -> curl where both are installed, else Node's https at both ends. */
import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, get } from 'node:https';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { isInstalled, startNginx, timed } from './nginx.ts';

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
  return isInstalled('nginx', '-v') && isInstalled('curl') ? await startCurl(options) : await startNode(options);
}

async function startCurl({ dir, ...tls }: BaselineOptions): Promise<Baseline> {
  const nginx = await startNginx(dir, tls);
  return {
    name: 'nginx https -> curl',
    async fetch(to) {
      // The certificate names a node and no host, so its name is not checked.
      const url = `https://127.0.0.1:${nginx.port}/source`;
      const before = await nginx.cpuSeconds();
      const startMs = performance.now();
      const curl = await timed('curl', ['--silent', '--fail', '--insecure', '--output', to, url]);
      const seconds = (performance.now() - startMs) / 1000;
      return { seconds, cpuSeconds: curl + (await nginx.cpuSeconds()) - before };
    },
    [Symbol.asyncDispose]: () => nginx[Symbol.asyncDispose](),
  };
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
