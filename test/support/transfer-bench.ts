import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Cache } from '../../src/cache/cache.ts';
import type { Caller } from '../../src/core/caller.ts';
import { type Clock, systemClock } from '../../src/core/clock.ts';
import type { TransferId } from '../../src/core/ids.ts';
import { systemRandom } from '../../src/core/random.ts';
import { Exchange } from '../../src/exchange/exchange.ts';
import type { Neighbours, Sharing, TransferPolicy } from '../../src/fetch/deps.ts';
import type { JobPolicy } from '../../src/job/context.ts';
import {
  type TraceEntry,
  TransferRequest,
  type TransferRequestInput,
  type TransferView,
} from '../../src/job/model/transfer-view.ts';
import { type OpenJobs, openJobs } from '../../src/job/open-jobs.ts';
import { silentLogger } from '../../src/observe/log.ts';
import type { OriginOptions } from '../../src/origin/options.ts';
import { OriginClient } from '../../src/origin/origin-client.ts';
import { loadOrCreateIdentity } from '../../src/peer/identity.ts';
import { SWARM_PATIENCE } from '../../src/plan/swarm/followers.ts';
import { NetworkWatch } from '../../src/platform/network-watch.ts';
import { Vault } from '../../src/security/vault.ts';
import { Database } from '../../src/store/database.ts';
import { WarmParts } from '../../src/transfer/warm-parts.ts';

/** What a bench is made with. */
export interface BenchOptions {
  readonly neighbours?: Neighbours;
  readonly policy?: Partial<TransferPolicy>;
  readonly origin?: Partial<OriginOptions>;
  readonly resume?: boolean;
  /** Moves the time of jobs; the machine's clock by default. */
  readonly clock?: Clock;
  readonly jobPolicy?: Partial<JobPolicy>;
  /** Whether there is a network; always by default. */
  readonly online?: () => boolean;
}

/** Who starts the transfers of a bench. */
export const BENCH_CALLER: Caller = { name: 'tester', administrator: true, folders: null };

const JOB_POLICY: JobPolicy = {
  maxPerMachine: 300,
  maxPerUser: 60,
  maxFilesPerJob: 200,
  maxRangesPerFile: 500,
  inactivityTimeoutMs: 90 * 86_400_000,
  maxDownloadTimeMs: 90 * 86_400_000,
  timeSliceMs: 30_000,
  notifyPrograms: [],
  networkCost: 1,
};

/** Everything a transfer needs, real but for the neighbours, in one directory. */
export class TransferBench implements AsyncDisposable {
  readonly dir: string;
  readonly cache: Cache;
  readonly jobs: OpenJobs;
  readonly #close: () => Promise<void>;

  private constructor(dir: string, cache: Cache, jobs: OpenJobs, close: () => Promise<void>) {
    this.dir = dir;
    this.cache = cache;
    this.jobs = jobs;
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
      swarm: { enabled: false, minBytes: 0, patience: SWARM_PATIENCE },
      ...options.policy,
    };
    const vault = await Vault.open(base, { dataDir: dir });
    const jobDatabase = await Database.open(base, { dir: join(dir, 'jobs') });
    const deps = {
      ...base,
      clock: options.clock ?? systemClock,
      random: systemRandom,
      vault,
      database: jobDatabase,
      origin: () => origin,
      policy: () => ({ ...JOB_POLICY, ...options.jobPolicy }),
      network: new NetworkWatch({ clock: options.clock ?? systemClock }, options.online ?? (() => true)),
      fetch: {
        ...base,
        cache,
        warm: new WarmParts(),
        neighbours: (): Sharing<Neighbours> =>
          neighbours ? { on: true, use: neighbours } : { on: false, reason: 'none in this test' },
        shareInto: (): Sharing<Cache> => ({ on: true, use: cache }),
        exchange: new Exchange({ ...base, identity: await loadOrCreateIdentity(dir), cache, random: systemRandom }),
        policy: () => policy,
      },
    };
    const jobs = await openJobs(deps, { resume: options.resume ?? false });
    return new TransferBench(dir, cache, jobs, async () => {
      await jobs.stop();
      await jobDatabase.close();
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
    const { id } = await this.jobs.transfers.start(BENCH_CALLER, full);
    return this.jobs.transfers.settled(BENCH_CALLER, id as TransferId);
  }

  /** The codes of a transfer's trace, in order. */
  async codes(view: TransferView): Promise<string[]> {
    return (await this.trace(view)).map((entry) => entry.code);
  }

  async trace(view: TransferView): Promise<TraceEntry[]> {
    return this.jobs.transfers.trace(BENCH_CALLER, view.id as TransferId);
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
