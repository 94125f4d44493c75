import { type GenericContainer, type StartedTestContainer, Wait } from 'testcontainers';
import { Machine } from './machine.ts';

const PORT = 8080;
const ROOT = '/srv/www';
const LOG = '/var/log/nginx/requests.log';

/** A request as nginx logged it at its end. */
export interface LoggedRequest {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  /** Bytes of the body. */
  readonly sent: number;
  /** Headers as they came; empty where there was none. */
  readonly range: string;
  readonly accepts: string;
  /** Content-Type of the answer. */
  readonly type: string;
}

/** Debian's nginx as the origin; see test/containers/nginx for what it does where. */
export class NginxMachine extends Machine {
  /** Starts it on the network; resolves when it answers. */
  static async create(container: GenericContainer): Promise<NginxMachine> {
    return new NginxMachine(await Machine.start(container.withWaitStrategy(Wait.forLogMessage('ready'))));
  }

  private constructor(container: StartedTestContainer) {
    super(container);
  }

  /** Runs a script in the folder of the files. */
  shell(script: string, ...args: string[]): Promise<string> {
    return this.run('/bin/sh', '-euc', `cd ${ROOT}; ${script}`, 'sh', ...args);
  }

  /** Puts a file of random bytes there, in place of an older one, and returns its SHA-256. `size` as in `16M`. */
  async putFile(name: string, size: string): Promise<string> {
    const script = 'head -c "$2" /dev/urandom >"$1.new"; mv "$1.new" "$1"; sha256sum "$1"';
    const [sha256 = ''] = (await this.shell(script, name, size)).split(' ');
    return sha256;
  }

  /** URL of a file, in one of the places that nginx.conf names, or in the plain one. */
  url(name: string, place = ''): string {
    return `http://${this.hostName}:${PORT}/${place === '' ? '' : `${place}/`}${name}`;
  }

  /** Ends nginx; connections are cut. Its container stays. */
  async stopServing(): Promise<void> {
    await this.run('/bin/sh', '-euc', 'nginx -s stop; while [ -e /run/nginx.pid ]; do sleep 0.05; done');
  }

  /** Starts nginx again. */
  async serveAgain(): Promise<void> {
    await this.run('nginx');
  }

  /** All requests for a path that have ended, oldest first. Those that {@link stopServing} cut are not logged. */
  async requests(path: string): Promise<LoggedRequest[]> {
    const lines = (await this.run('cat', LOG)).split('\n').filter((line) => line !== '');
    return lines.map((line) => JSON.parse(line) as LoggedRequest).filter((request) => request.path === path);
  }

  /** Status and headers that another client gets. */
  async headersFor(url: string, ...headers: string[]): Promise<{ status: number; headers: Record<string, string> }> {
    const script =
      'const [url, ...list] = process.argv.slice(1); fetch(url, { headers: list.map((line) => line.split(": ")) }).then((answer) => console.log(JSON.stringify({ status: answer.status, headers: Object.fromEntries(answer.headers) })))';
    return JSON.parse(await this.run('node', '-e', script, url, ...headers));
  }
}
