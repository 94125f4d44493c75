import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Cache } from '../../src/cache/cache.ts';
import { systemClock } from '../../src/core/clock.ts';
import type { TransferId } from '../../src/core/ids.ts';
import type { Neighbours, TransferPolicy } from '../../src/job/deps.ts';
import { TransferService, type TransferServiceDeps } from '../../src/job/transfer-service.ts';
import { TransferStore } from '../../src/job/transfer-store.ts';
import { type TraceEntry, TransferRequest, type TransferRequestInput, type TransferView } from '../../src/job/view.ts';
import { silentLogger } from '../../src/observe/log.ts';
import type { OriginOptions } from '../../src/origin/options.ts';
import { OriginClient } from '../../src/origin/origin-client.ts';
import { Database } from '../../src/store/database.ts';

/** What a bench is made with. */
export interface BenchOptions {
  readonly neighbours?: Neighbours;
  readonly policy?: Partial<TransferPolicy>;
  readonly origin?: Partial<OriginOptions>;
  readonly resume?: boolean;
}

/** Everything a transfer needs, real but for the neighbours, in one directory. */
export class TransferBench implements AsyncDisposable {
  readonly dir: string;
  readonly cache: Cache;
  readonly service: TransferService;
  readonly #close: () => Promise<void>;

  private constructor(dir: string, cache: Cache, service: TransferService, close: () => Promise<void>) {
    this.dir = dir;
    this.cache = cache;
    this.service = service;
    this.#close = close;
  }

  static async open(dir: string, options: BenchOptions = {}): Promise<TransferBench> {
    const emit = () => {};
    const base = { clock: systemClock, log: silentLogger, emit };
    const database = await Database.open(base, { dir: join(dir, 'index') });
    const limits = { maxBytes: 1e9, maxAgeMs: 90 * 86_400_000, minFreeBytes: 0 };
    const cache = await Cache.open({ ...base, database }, { dir: join(dir, 'cache'), limits });
    const origin = new OriginClient(base, {
      connectTimeoutMs: 2000,
      headersTimeoutMs: 1000,
      stallTimeoutMs: 500,
      ...options.origin,
    });
    const { neighbours } = options;
    const policy: TransferPolicy = {
      patience: { foregroundMs: 100, backgroundMs: 200 },
      originRetries: 2,
      whenOriginDown: 'newest',
      ...options.policy,
    };
    const deps: TransferServiceDeps = {
      ...base,
      origin,
      cache,
      neighbours: () => (neighbours ? { on: true, use: neighbours } : { on: false, reason: 'none in this test' }),
      shareInto: () => ({ on: true, use: cache }),
      policy: () => policy,
    };
    const store = new TransferStore(database);
    const service = await TransferService.open(deps, store, { maxConcurrent: 4, resume: options.resume ?? false });
    return new TransferBench(dir, cache, service, async () => {
      await service.stop();
      await origin.close();
      await cache.close();
      await database.close();
    });
  }

  /** A path in the bench's directory. */
  path(name: string): string {
    return join(this.dir, name);
  }

  /** Runs one transfer to its end, sharing included. */
  async run(request: Omit<TransferRequestInput, 'destination'> & { destination?: string }): Promise<TransferView> {
    const full = TransferRequest.parse({ destination: this.path('file.bin'), priority: 'foreground', ...request });
    const { id } = await this.service.start(full);
    return this.service.settled(id as TransferId);
  }

  /** The codes of a transfer's trace, in order. */
  async codes(view: TransferView): Promise<string[]> {
    return (await this.trace(view)).map((entry) => entry.code);
  }

  async trace(view: TransferView): Promise<TraceEntry[]> {
    return this.service.trace(view.id as TransferId);
  }

  /** SHA-256 in hex of a file of the bench. */
  async digest(name = 'file.bin'): Promise<string> {
    return createHash('sha256')
      .update(await readFile(this.path(name)))
      .digest('hex');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }
}
