import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newJobId } from '../../../src/core/ids.ts';
import type { PendingNotification } from '../../../src/notify/notification.ts';
import type { PendingFilter } from '../../../src/notify/pending-index.ts';
import { NotifyFixture, note, until } from '../../support/notify-fixture.ts';

const ALL = { owner: null, jobId: null };

let fixture: NotifyFixture;
let stop: AbortController;

beforeEach(async () => {
  fixture = await NotifyFixture.start();
  stop = new AbortController();
});
afterEach(async () => {
  stop.abort();
  await fixture[Symbol.asyncDispose]();
});

/** The first notifications of a new stream. */
async function first(count: number, filter: PendingFilter = ALL): Promise<PendingNotification[]> {
  const taken: PendingNotification[] = [];
  if (count === 0) return taken;
  for await (const notification of fixture.center.stream(filter, stop.signal)) {
    taken.push(notification);
    if (taken.length === count) break;
  }
  return taken;
}

/** Reads a stream to its end in the background. */
function reader(filter: PendingFilter = ALL): { readonly taken: PendingNotification[]; readonly ended: Promise<void> } {
  const taken: PendingNotification[] = [];
  const read = async (): Promise<void> => {
    for await (const notification of fixture.center.stream(filter, stop.signal)) taken.push(notification);
  };
  return { taken, ended: read() };
}

const kinds = (notifications: readonly PendingNotification[]): string[] => notifications.map((each) => each.kind);

describe('a stream', () => {
  it('gives what is pending from old to new, then what comes', async () => {
    const job = fixture.job();
    await fixture.center.tell(note(job, 'file-transferred'));
    await fixture.center.tell(note(job, 'transferred'));
    const { taken } = reader();
    await until(() => expect(taken).toHaveLength(2));
    await fixture.center.tell(note(job, 'error'));
    await until(() => expect(kinds(taken)).toEqual(['file-transferred', 'transferred', 'error']));
    expect(taken[0]).toMatchObject({ jobId: job, owner: 'alice', attempt: 1, data: { kind: 'file-transferred' } });
  });

  it('gives everything again to each new stream until it is acknowledged', async () => {
    const job = fixture.job();
    for (const kind of ['file-transferred', 'transferred']) await fixture.center.tell(note(job, kind));
    const [one, two] = (await first(2)) as [PendingNotification, PendingNotification];
    expect(await first(2)).toMatchObject([
      { id: one.id, attempt: 2 },
      { id: two.id, attempt: 2 },
    ]);
    expect(await fixture.center.acknowledge(one.id, 'alice')).toBe(true);
    expect(await first(1)).toMatchObject([{ id: two.id, attempt: 3 }]);
    const told = { type: 'notification.delivered', jobId: job, notificationId: one.id, way: 'subscriber' };
    expect(fixture.events).toEqual([told]);
    expect(await fixture.center.acknowledge(one.id, 'alice')).toBe(false);
    expect(fixture.events).toHaveLength(1);
  });

  it('gives everything again after a restart, and nothing that was acknowledged', async () => {
    const job = fixture.job();
    for (const kind of ['file-transferred', 'transferred']) await fixture.center.tell(note(job, kind));
    const [one] = await first(1);
    await fixture.center.acknowledge(String(one?.id), null);
    await fixture.restart();
    expect(kinds(await first(1))).toEqual(['transferred']);
  });

  it('gives an owner only what is theirs, and one job when it is asked for', async () => {
    const [mine, other, foreign] = [fixture.job(), fixture.job(), fixture.job({ owner: 'bob' })];
    await fixture.center.tell(note(foreign, 'transferred', { owner: 'bob' }));
    await fixture.center.tell(note(other, 'error'));
    await fixture.center.tell(note(mine, 'transferred'));
    expect((await first(2, { owner: 'alice', jobId: null })).map((each) => each.jobId)).toEqual([other, mine]);
    expect((await first(1, { owner: 'alice', jobId: mine })).map((each) => each.jobId)).toEqual([mine]);
    expect((await first(3)).map((each) => each.owner)).toEqual(['bob', 'alice', 'alice']);
    const { taken } = reader({ owner: 'alice', jobId: foreign });
    await fixture.center.tell(note(foreign, 'error', { owner: 'bob' }));
    await fixture.center.tell(note(mine, 'error'));
    expect(await first(1, { owner: 'alice', jobId: mine })).toHaveLength(1);
    expect(taken).toEqual([]);
  });

  it('lets a reader be slow: what was acknowledged or replaced meanwhile is left out', async () => {
    const job = fixture.job();
    for (let count = 0; count < 600; count++) await fixture.center.tell(note(job, `file-${count}`));
    const stream = fixture.center.stream(ALL, stop.signal)[Symbol.asyncIterator]();
    const one = (await stream.next()).value as PendingNotification;
    await fixture.center.tell(note(job, 'modification'));
    const ids = (await first(601)).map((each) => each.id);
    for (const id of ids.slice(1, 599)) await fixture.center.acknowledge(id, null);
    await fixture.center.tell(note(job, 'modification', { data: 'newest' }));
    const rest = [(await stream.next()).value, (await stream.next()).value] as PendingNotification[];
    expect([one.kind, ...kinds(rest)]).toEqual(['file-0', 'file-599', 'modification']);
    expect(rest[1]?.data).toBe('newest');
  });

  it('ends when its signal aborts and when the center stops', async () => {
    const aborted = reader();
    stop.abort();
    await aborted.ended;
    stop = new AbortController();
    const stopped = reader();
    await fixture.center.stop();
    await stopped.ended;
    await fixture.center.stop();
    const late = reader();
    await late.ended;
    expect([aborted.taken, stopped.taken, late.taken]).toEqual([[], [], []]);
  });

  it('gives each of many readers everything', async () => {
    const job = fixture.job();
    const readers = Array.from({ length: 20 }, () => reader());
    const told = Array.from({ length: 50 }, (_, at) => `file-${at}`);
    await Promise.all(told.map((kind) => fixture.center.tell(note(job, kind))));
    await until(() => expect(readers.every(({ taken }) => taken.length === 50)).toBe(true));
    for (const { taken } of readers) expect(kinds(taken)).toEqual(told);
  });
});

describe('acknowledge', () => {
  it('ends nothing that belongs to another, and everything for administrators', async () => {
    await fixture.center.tell(note(fixture.job()));
    const [{ id }] = (await first(1)) as [PendingNotification];
    expect(await fixture.center.acknowledge(id, 'bob')).toBe(false);
    expect(await fixture.center.acknowledge('', null)).toBe(false);
    expect(await fixture.center.acknowledge(`${id}0`, null)).toBe(false);
    expect(await first(1)).toHaveLength(1);
    expect(await fixture.center.acknowledge(id, null)).toBe(true);
  });
});

describe('forget', () => {
  it('drops what is pending for one job', async () => {
    const [gone, kept] = [fixture.job(), fixture.job()];
    for (const job of [gone, kept, gone]) await fixture.center.tell(note(job));
    await fixture.center.forget(gone);
    await fixture.center.forget(newJobId());
    expect((await first(1)).map((each) => each.jobId)).toEqual([kept]);
    await fixture.restart();
    await fixture.center.tell(note(kept, 'error'));
    expect((await first(2)).map((each) => each.jobId)).toEqual([kept, kept]);
  });

  it('happens by itself when the job is gone', async () => {
    const kept = fixture.job();
    await fixture.center.tell(note(newJobId()));
    await fixture.center.tell(note(kept));
    await fixture.restart();
    await until(async () => expect((await first(1)).map((each) => each.jobId)).toEqual([kept]));
  });
});
