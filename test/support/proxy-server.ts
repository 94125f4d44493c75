import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { Duplex } from 'node:stream';

/** A small forward proxy: absolute-form requests for http, CONNECT tunnels for https. */
export class ProxyServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #tunnels = new Set<Duplex>();
  /** What was asked, such as `GET http://...` or `CONNECT host:port`. */
  readonly seen: string[] = [];
  /** When set, everything without this Proxy-Authorization gets 407. */
  credentials: string | null = null;
  /** When set, tells the challenges for a request, or null to let it pass. */
  guard: ((request: IncomingMessage) => readonly string[] | null) | null = null;

  private constructor() {
    this.#server = createServer((request, response) => this.#forward(request, response));
    this.#server.on('connect', (request, socket) => this.#tunnel(request, socket));
  }

  static async start(): Promise<ProxyServer> {
    const proxy = new ProxyServer();
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    for (const socket of this.#tunnels) socket.destroy();
    await closed;
  }

  // The challenges to answer with, or null when the request may pass.
  #refuses(request: IncomingMessage): readonly string[] | null {
    this.seen.push(`${request.method} ${request.url}`);
    if (this.guard !== null) return this.guard(request);
    return this.credentials === null || request.headers['proxy-authorization'] === this.credentials ? null : [];
  }

  #forward(request: IncomingMessage, response: ServerResponse): void {
    const challenges = this.#refuses(request);
    if (challenges !== null) {
      response.writeHead(407, { 'proxy-authenticate': [...challenges] }).end('login first');
      return;
    }
    const { 'proxy-authorization': _, ...headers } = request.headers;
    const onward = httpRequest(request.url ?? '', { method: request.method, headers });
    onward.on('response', (answer) => answer.pipe(response.writeHead(answer.statusCode ?? 502, answer.headers)));
    onward.end();
  }

  #tunnel(request: IncomingMessage, socket: Duplex): void {
    this.#tunnels.add(socket);
    const challenges = this.#refuses(request);
    if (challenges !== null) {
      const lines = challenges.map((challenge) => `proxy-authenticate: ${challenge}\r\n`).join('');
      socket.end(`HTTP/1.1 407 Proxy Authentication Required\r\n${lines}content-length: 0\r\n\r\n`);
      return;
    }
    const [host, port] = (request.url ?? '').split(':');
    const onward = connect(Number(port), host, () => socket.write('HTTP/1.1 200 OK\r\n\r\n'));
    for (const end of [socket, onward]) end.on('error', () => socket.destroy() && onward.destroy());
    socket.pipe(onward).pipe(socket);
  }
}
