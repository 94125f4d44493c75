import { createHash, randomFillSync } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../../../src/core/manual-clock.ts';
import { type Hashing, HashThread } from '../../../../src/transfer/hashing/hash-thread.ts';
import { PieceHasher } from '../../../../src/transfer/hashing/piece-hasher.ts';

const MIB = 1024 * 1024;

function shared(bytes: number): Uint8Array {
  return randomFillSync(new Uint8Array(new SharedArrayBuffer(bytes)));
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

const hex = async (digest: Uint8Array | Promise<Uint8Array>) => Buffer.from(await digest).toString('hex');

describe('a thread that hashes', () => {
  const threads: HashThread[] = [];
  afterEach(() => {
    for (const thread of threads.splice(0)) thread.stop();
  });
  function start(): HashThread {
    const thread = new HashThread();
    threads.push(thread);
    return thread;
  }

  it('answers each with its own digest, and reads the memory it is shown', async () => {
    const thread = start();
    const stretches = [1, 1000, MIB, 3 * MIB].map(shared);
    const [first] = stretches as [Uint8Array];
    const parts = [...stretches, (stretches[2] as Uint8Array).subarray(5, 700)];
    expect(await Promise.all(parts.map((part) => hex(thread.sha256(part))))).toEqual(parts.map(sha256));
    first[0] = (first[0] as number) ^ 1;
    expect(await hex(thread.sha256(first))).toBe(sha256(first));
  });

  it('rejects what it was asked when it ends, and what it is asked then', async () => {
    const thread = start();
    const asked = Array.from({ length: 50 }, () => thread.sha256(shared(8 * MIB)));
    thread.stop();
    const ends = await Promise.allSettled(asked);
    expect(ends.at(-1)).toMatchObject({ status: 'rejected' });
    await expect(thread.sha256(shared(1))).rejects.toThrow('ended');
  });
});

describe('a hasher of pieces', () => {
  /** Answers only when it is told to. */
  class SlowThread implements Hashing {
    readonly asked: (() => void)[] = [];
    isStopped = false;
    sha256(bytes: Uint8Array): Promise<Uint8Array> {
      const answer = Promise.withResolvers<Uint8Array>();
      const digest = () => createHash('sha256').update(bytes).digest();
      this.asked.push(() => (this.isStopped ? answer.reject(new Error('stopped')) : answer.resolve(digest())));
      return answer.promise;
    }
    stop(): void {
      this.isStopped = true;
    }
  }

  function setUp() {
    const clock = new ManualClock();
    const threads: SlowThread[] = [];
    const startThread = () => {
      const thread = new SlowThread();
      threads.push(thread);
      return thread;
    };
    const hasher = new PieceHasher({ clock, startThread });
    /** Hashes so much in each of so many ms, here. */
    const flow = (bytesPerMs: number, ms: number) => {
      const bytes = new Uint8Array(bytesPerMs);
      for (let at = 0; at < ms; at++) {
        clock.advance(1);
        void hasher.sha256(bytes);
      }
    };
    return { clock, threads, hasher, flow };
  }

  it('hashes where it is while little comes, and starts one thread when much comes', async () => {
    const { hasher, threads, flow } = setUp();
    flow(100_000, 300);
    expect(threads).toHaveLength(0);
    const bytes = shared(MIB);
    const digest = hasher.sha256(bytes);
    expect(digest).toBeInstanceOf(Uint8Array);
    expect(await hex(digest)).toBe(sha256(bytes));
    flow(150_000, 600);
    expect(threads).toHaveLength(1);
    const later = hasher.sha256(bytes);
    expect(threads[0]?.asked).toHaveLength(1);
    threads[0]?.asked[0]?.();
    expect(await hex(later)).toBe(sha256(bytes));
  });

  it('shows the thread nothing but shared memory', async () => {
    const { hasher, threads, flow } = setUp();
    flow(150_000, 300);
    const own = new Uint8Array(shared(1000));
    expect(await hex(hasher.sha256(own))).toBe(sha256(own));
    expect(threads[0]?.asked).toHaveLength(0);
  });

  it('tells those who bring more to wait until the thread has done half of what waits', async () => {
    const { hasher, threads, flow } = setUp();
    flow(150_000, 300);
    expect(hasher.room()).toBeUndefined();
    const hashing = Array.from({ length: 8 }, () => hasher.sha256(shared(MIB)));
    let isRoom = false;
    void hasher.room()?.then(() => (isRoom = true));
    const [{ asked }] = threads as [SlowThread];
    for (let at = 0; at < 3; at++) asked[at]?.();
    await Promise.all(hashing.slice(0, 3));
    expect([isRoom, hasher.room() === undefined]).toEqual([false, true]);
    asked[3]?.();
    await hashing[3];
    await Promise.resolve();
    expect(isRoom).toBe(true);
  });

  it('ends the thread when nothing much came for a while, and starts another one when it does again', () => {
    const { hasher, clock, threads, flow } = setUp();
    flow(150_000, 300);
    clock.advance(3000);
    flow(150_000, 300);
    clock.advance(3000);
    expect(threads.map(({ isStopped }) => isStopped)).toEqual([false]);
    clock.advance(3000);
    expect(threads.map(({ isStopped }) => isStopped)).toEqual([true]);
    expect(hasher.sha256(shared(1))).toBeInstanceOf(Uint8Array);
    flow(150_000, 300);
    expect(threads).toHaveLength(2);
  });

  it('hashes itself what a thread took along when it broke down, and all that follows', async () => {
    const { hasher, threads, flow } = setUp();
    flow(150_000, 300);
    const bytes = shared(MIB);
    const hashing = hasher.sha256(bytes);
    const [thread] = threads as [SlowThread];
    thread.stop();
    thread.asked[0]?.();
    expect(await hex(hashing)).toBe(sha256(bytes));
    flow(150_000, 600);
    expect(hasher.sha256(bytes)).toBeInstanceOf(Uint8Array);
    expect(threads).toHaveLength(1);
  });

  it('hashes where it is when the process may start no threads', async () => {
    const clock = new ManualClock();
    let tries = 0;
    const startThread = () => {
      tries++;
      throw new Error('no threads here');
    };
    const hasher = new PieceHasher({ clock, startThread });
    for (let at = 0; at < 500; at++) {
      clock.advance(1);
      void hasher.sha256(new Uint8Array(150_000));
    }
    expect(tries).toBe(1);
    const bytes = shared(10);
    expect(await hex(hasher.sha256(bytes))).toBe(sha256(bytes));
  });
});
