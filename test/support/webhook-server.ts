import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** One POST as it came. */
export interface SeenDelivery {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** The body as it was parsed. */
  readonly json: { readonly id: string; readonly kind: string; readonly jobId: string; readonly attempt: number };
}

/** Answers one delivery; an answer that is never ended hangs. */
export type DeliveryAnswer = (response: ServerResponse, delivery: SeenDelivery) => void;

/** Answers with this status and nothing else. */
export function status(code: number): DeliveryAnswer {
  return (response) => void response.writeHead(code, { 'content-length': 0 }).end();
}

/** Never answers. */
export const hang: DeliveryAnswer = () => {};

/** A receiver of webhooks on a real socket: keeps what it gets and answers as the test says. */
export class WebhookServer {
  readonly #server: Server;
  readonly seen: SeenDelivery[] = [];
  /** How the next deliveries are answered. */
  answer: DeliveryAnswer = status(204);

  private constructor() {
    this.#server = createServer((request, response) => void this.#take(request, response));
  }

  /** Listens on a free port of 127.0.0.1. */
  static async start(): Promise<WebhookServer> {
    const server = new WebhookServer();
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  /** The full URL of a path. */
  url(path = '/hook'): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}${path}`;
  }

  /** The kinds of what came, in order. */
  get kinds(): string[] {
    return this.seen.map((delivery) => delivery.json.kind);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => {});
    const body = await text(request).catch(() => null);
    if (body === null) return;
    const { method = '', url = '', headers } = request;
    const delivery: SeenDelivery = { method, path: url, headers, body, json: JSON.parse(body || 'null') };
    this.seen.push(delivery);
    this.answer(response, delivery);
  }
}
