import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { vi } from 'vitest';
import { type JobId, newJobId } from '../../src/core/ids.ts';
import { ManualClock } from '../../src/core/manual-clock.ts';
import { seededRandom } from '../../src/core/random.ts';
import type { NotificationInput, NotificationTarget } from '../../src/notify/notification.ts';
import { NotificationCenter, type NotificationCenterOptions } from '../../src/notify/notification-center.ts';
import type { NodeEventBody } from '../../src/observe/events.ts';
import { silentLogger } from '../../src/observe/log.ts';
import { Database } from '../../src/store/database.ts';
import { tempDir } from './temp-dir.ts';

/** A target without any way; tests add what they need. */
export function target(ways: Partial<NotificationTarget> = {}): NotificationTarget {
  return {
    owner: 'alice',
    webhook: null,
    command: null,
    retryDelayMs: 60_000,
    commandKinds: ['transferred', 'error'],
    ...ways,
  };
}

/** A notification of a job. */
export function note(jobId: JobId, kind = 'transferred', more: Partial<NotificationInput> = {}): NotificationInput {
  return { jobId, owner: 'alice', kind, urgent: kind !== 'modification', data: { kind }, ...more };
}

/** A notification center on a real database in a directory of its own, with a clock that the test moves. */
export class NotifyFixture {
  readonly clock = new ManualClock();
  readonly events: NodeEventBody[] = [];
  readonly targets = new Map<JobId, NotificationTarget>();
  readonly allowed: string[] = [];
  readonly dir: string;
  readonly #temp: Awaited<ReturnType<typeof tempDir>>;
  readonly #options: Partial<NotificationCenterOptions>;
  #database: Database | null = null;
  #center: NotificationCenter | null = null;

  private constructor(temp: Awaited<ReturnType<typeof tempDir>>, options: Partial<NotificationCenterOptions>) {
    this.#temp = temp;
    this.dir = temp.path;
    this.#options = options;
  }

  static async start(options: Partial<NotificationCenterOptions> = {}): Promise<NotifyFixture> {
    const fixture = new NotifyFixture(await tempDir(), options);
    await fixture.#open();
    return fixture;
  }

  get center(): NotificationCenter {
    if (this.#center === null) throw new Error('the center is stopped');
    return this.#center;
  }

  /** Stops the center and opens it again on the same directory, with `between` while it is stopped. */
  async restart(between: (database: Database) => Promise<void> = async () => {}): Promise<void> {
    await this.#close();
    {
      await using database = await this.#openDatabase();
      await between(database);
    }
    await this.#open();
  }

  /** A job with this target. */
  job(ways: Partial<NotificationTarget> = {}): JobId {
    const jobId = newJobId();
    this.targets.set(jobId, target(ways));
    return jobId;
  }

  /** Writes a program that only its owner may change, and puts it on the list. */
  async program(name: string, script: string, mode = 0o700): Promise<string> {
    const path = join(this.dir, name);
    await writeFile(path, `#!/bin/sh\n${script}\n`);
    await chmod(path, mode);
    this.allowed.push(path);
    return path;
  }

  /** The lines of a file in the directory, none when it is not there. */
  async lines(name: string): Promise<string[]> {
    const content = await readFile(join(this.dir, name), 'utf8').catch(() => '');
    return content.split('\n').slice(0, -1);
  }

  /** The events of one type so far. */
  told<T extends NodeEventBody['type']>(type: T): Extract<NodeEventBody, { type: T }>[] {
    return this.events.filter((event): event is Extract<NodeEventBody, { type: T }> => event.type === type);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
    await this.#temp[Symbol.asyncDispose]();
  }

  #openDatabase(): Promise<Database> {
    const { clock } = this;
    return Database.open({ log: silentLogger, emit: () => {}, clock }, { dir: join(this.dir, 'db') });
  }

  async #open(): Promise<void> {
    const { clock } = this;
    this.#database = await this.#openDatabase();
    this.#center = await NotificationCenter.open(
      {
        database: this.#database,
        clock,
        random: seededRandom(1),
        log: silentLogger,
        emit: (event) => this.events.push(event),
        target: async (jobId) => this.targets.get(jobId) ?? null,
      },
      { allowedPrograms: () => this.allowed, ...this.#options },
    );
  }

  async #close(): Promise<void> {
    await this.#center?.stop();
    await this.#database?.close();
  }
}

/** Waits for a condition of real sockets and processes, for at most ten seconds. */
export function until(check: () => unknown): Promise<unknown> {
  return vi.waitFor(check, { timeout: 10_000, interval: 5 });
}
