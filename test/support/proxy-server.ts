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

  #refuses(request: IncomingMessage): boolean {
    this.seen.push(`${request.method} ${request.url}`);
    return this.credentials !== null && request.headers['proxy-authorization'] !== this.credentials;
  }

  #forward(request: IncomingMessage, response: ServerResponse): void {
    if (this.#refuses(request)) {
      response.writeHead(407).end('login first');
      return;
    }
    const onward = httpRequest(request.url ?? '', { method: request.method, headers: request.headers });
    onward.on('response', (answer) => answer.pipe(response.writeHead(answer.statusCode ?? 502, answer.headers)));
    onward.end();
  }

  #tunnel(request: IncomingMessage, socket: Duplex): void {
    this.#tunnels.add(socket);
    if (this.#refuses(request)) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n');
      return;
    }
    const [host, port] = (request.url ?? '').split(':');
    const onward = connect(Number(port), host, () => socket.write('HTTP/1.1 200 OK\r\n\r\n'));
    for (const end of [socket, onward]) end.on('error', () => socket.destroy() && onward.destroy());
    socket.pipe(onward).pipe(socket);
  }
}
