import { type Clock, systemClock } from '../../src/core/clock.ts';
import type { NearbitsError } from '../../src/core/errors.ts';
import type { ByteSink } from '../../src/core/source.ts';
import { silentLogger } from '../../src/observe/log.ts';
import type { OriginOptions } from '../../src/origin/options.ts';
import { OriginClient, type OriginFile } from '../../src/origin/origin-client.ts';
import { type Content, etagOf, LAST_MODIFIED, type OriginScript } from './origin-script.ts';
import { OriginServer, type OriginServerOptions } from './origin-server.ts';
import { PseudoRandomFile } from './pseudo-random-file.ts';

/** A signal that never aborts. */
export const never: AbortSignal = new AbortController().signal;

/** A test origin and a client for it. */
export class OriginFixture implements AsyncDisposable {
  readonly server: OriginServer;
  readonly client: OriginClient;

  private constructor(server: OriginServer, client: OriginClient) {
    this.server = server;
    this.client = client;
  }

  /** Starts both; the client ignores proxies of the machine unless told otherwise. */
  static async open(
    options: {
      readonly clock?: Clock;
      readonly origin?: Partial<OriginOptions>;
      readonly server?: OriginServerOptions;
    } = {},
  ): Promise<OriginFixture> {
    const server = await OriginServer.start(options.server);
    const deps = { clock: options.clock ?? systemClock, log: silentLogger };
    return new OriginFixture(server, new OriginClient(deps, { proxy: 'none', ...options.origin }));
  }

  /** Serves 300,000 pseudo-random bytes at `/file`, bent as told; returns the URL. */
  serve(script: Partial<OriginScript> = {}, path = '/file'): string {
    return this.server.serve(path, { content: new PseudoRandomFile({ size: 300_000 }), ...script });
  }

  /** Serves a file and asks for it. */
  async probe(script: Partial<OriginScript> = {}): Promise<OriginFile> {
    return await this.client.probe(this.serve(script), { signal: never });
  }

  /** What the probe would say of a well-behaved file, while the path serves `script`: for faults of the GET alone. */
  fileFor(script: Partial<OriginScript> = {}): OriginFile {
    const url = this.serve(script);
    const content = script.content ?? new PseudoRandomFile({ size: 300_000 });
    const version = {
      size: content.size,
      lastModifiedMs: Date.parse(LAST_MODIFIED),
      etag: etagOf({ content, ...script }),
    };
    return {
      url,
      finalUrl: url,
      size: content.size,
      version,
      acceptsRanges: true,
      share: { allowed: true },
      anchors: { reprDigest: null, metalinks: [] },
      dateIsStrong: true,
      responseHeaders: {},
      requestHeaders: {},
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.close();
    await this.server.stop();
  }
}

/** A sink that keeps everything. */
export function collect(): { readonly sink: ByteSink; readonly bytes: () => Buffer } {
  const chunks: Uint8Array[] = [];
  return { sink: (chunk) => void chunks.push(chunk), bytes: () => Buffer.concat(chunks) };
}

/** The whole of some content. */
export function bytesOf(content: Content): Buffer {
  return content.read(0, content.size);
}

/** The error a promise rejects with; fails the test when it resolves. */
export async function failureOf(promise: Promise<unknown>): Promise<NearbitsError> {
  return await promise.then(
    (value) => {
      throw new Error(`expected a failure, got ${JSON.stringify(value)}`);
    },
    (error: unknown) => error as NearbitsError,
  );
}
