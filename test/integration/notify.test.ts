import { chmod, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JobId } from '../../src/core/ids.ts';
import type { NotificationTarget } from '../../src/notify/notification.ts';
import { WEBHOOK_TIMEOUT_MS } from '../../src/notify/webhook.ts';
import { NotifyFixture, note, target, until } from '../support/notify-fixture.ts';
import { hang, status, WebhookServer } from '../support/webhook-server.ts';

/** More than the longest first delay of a job in these tests: 60 s and a fifth. */
const RETRY_MS = 72_000;

let fixture: NotifyFixture;
let server: WebhookServer;

beforeEach(async () => {
  server = await WebhookServer.start();
  fixture = await NotifyFixture.start();
});
afterEach(async () => {
  await fixture[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const webhook = (): NotificationTarget['webhook'] => ({ url: server.url(), secret: 'sixteen letters!' });

async function tell(job: JobId, ...kinds: string[]): Promise<void> {
  for (const kind of kinds) await fixture.center.tell(note(job, kind));
}

/** The kinds that are pending for a job. */
async function pending(job: JobId): Promise<string[]> {
  const kinds: string[] = [];
  const stop = new AbortController();
  await fixture.center.tell(note(job, 'last'));
  for await (const each of fixture.center.stream({ owner: null, jobId: job }, stop.signal)) {
    if (each.kind === 'last') {
      await fixture.center.acknowledge(each.id, null);
      break;
    }
    kinds.push(each.kind);
  }
  return kinds;
}

/** Waits until the retry of a failed delivery is set, then moves the clock to it. */
async function retry(ways = 1): Promise<void> {
  await until(() => expect(fixture.told('notification.failed').length).toBeGreaterThanOrEqual(ways));
  await turn();
  fixture.clock.advance(RETRY_MS);
}

describe('webhooks', () => {
  it('get what happened to the files of a job before its end, one at a time', async () => {
    const job = fixture.job({ webhook: webhook() });
    let open = 0;
    let most = 0;
    server.answer = (response) => {
      most = Math.max(most, ++open);
      setImmediate(() => {
        open--;
        status(200)(response, server.seen[0] as (typeof server.seen)[number]);
      });
    };
    const kinds = ['file-transferred', 'file-transferred', 'file-ranges-transferred', 'transferred'];
    await Promise.all(kinds.map((kind) => tell(job, kind)));
    await until(() => expect(fixture.told('notification.delivered')).toHaveLength(4));
    expect([server.kinds, most]).toEqual([kinds, 1]);
    const [delivered] = fixture.told('notification.delivered');
    expect(delivered).toEqual({
      type: 'notification.delivered',
      jobId: job,
      notificationId: server.seen[0]?.json.id,
      way: 'webhook',
    });
    expect(await pending(fixture.job())).toEqual([]);
  });

  it('are tried again after the delay of the job, longer each time, and keep the order', async () => {
    const job = fixture.job({ webhook: webhook() });
    server.answer = status(500);
    await tell(job, 'file-transferred', 'transferred');
    const waits: number[] = [];
    for (let failures = 1; failures <= 8; failures++) {
      await until(() => expect(fixture.told('notification.failed')).toHaveLength(failures));
      await until(() => expect(fixture.clock.nextTimerInMs()).not.toBeNull());
      waits.push(Number(fixture.clock.nextTimerInMs()));
      if (failures === 8) server.answer = status(200);
      fixture.clock.advance(waits.at(-1) as number);
    }
    await until(() => expect(fixture.told('notification.delivered')).toHaveLength(2));
    expect(server.kinds).toEqual([...Array(9).fill('file-transferred'), 'transferred']);
    expect(server.seen.map((each) => each.json.attempt)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 1]);
    expect(new Set(server.seen.map((each) => each.headers['webhook-id'])).size).toBe(2);
    for (const [at, wait] of waits.entries()) {
      const least = Math.min(3_600_000, 60_000 * 2 ** at);
      expect(wait).toBeGreaterThanOrEqual(least);
      expect(wait).toBeLessThanOrEqual(least * 1.2);
    }
  });

  it('are not followed where they redirect to, and fail', async () => {
    const job = fixture.job({ webhook: webhook() });
    server.answer = (response) => void response.writeHead(302, { location: server.url('/elsewhere') }).end();
    await tell(job, 'transferred');
    await until(() => expect(fixture.told('notification.failed')).toHaveLength(1));
    expect(fixture.told('notification.failed')[0]?.message).toBe('the webhook answered with status 302');
    expect(server.seen.map((each) => each.path)).toEqual(['/hook']);
    expect(await pending(job)).toEqual(['transferred']);
  });

  it('do not get what was acknowledged while they failed', async () => {
    const job = fixture.job({ webhook: webhook() });
    server.answer = status(503);
    await tell(job, 'file-transferred', 'transferred');
    await until(() => expect(fixture.told('notification.failed')).toHaveLength(1));
    expect(await fixture.center.acknowledge(String(server.seen[0]?.json.id), 'alice')).toBe(true);
    server.answer = status(200);
    await retry();
    await until(() => expect(server.kinds).toEqual(['file-transferred', 'transferred']));
  });

  it('get the newest modification only', async () => {
    const job = fixture.job({ webhook: webhook() });
    server.answer = status(503);
    for (let version = 1; version <= 5; version++) {
      await fixture.center.tell(note(job, 'modification', { data: { version } }));
    }
    await retry();
    await until(() => expect(fixture.told('notification.failed')).toHaveLength(2));
    expect(server.seen.map((each) => JSON.parse(each.body).data.version)).toEqual([expect.any(Number), 5]);
    expect(await pending(job)).toEqual(['modification']);
  });

  it('begin with what waited already when they are set later', async () => {
    const job = fixture.job();
    await tell(job, 'file-transferred', 'transferred');
    fixture.targets.set(job, target({ webhook: webhook() }));
    fixture.center.wake(job);
    await until(() => expect(server.kinds).toEqual(['file-transferred', 'transferred']));
  });

  it('are tried at once at their new address when it changes, also while the old one hangs', async () => {
    const job = fixture.job({ webhook: { url: server.url('/old'), secret: 'sixteen letters!' } });
    server.answer = (response, delivery) => {
      if (delivery.path === '/new') status(200)(response, delivery);
    };
    await tell(job, 'transferred');
    await until(() => expect(server.seen).toHaveLength(1));
    fixture.targets.set(job, target({ webhook: { url: server.url('/new'), secret: 'sixteen letters!' } }));
    fixture.center.wake(job);
    fixture.clock.advance(WEBHOOK_TIMEOUT_MS);
    await until(() => expect(server.seen.map((each) => each.path)).toEqual(['/old', '/new']));
    await until(() => expect(fixture.told('notification.delivered')).toHaveLength(1));
  });

  it('get what was pending when the node stopped as soon as it starts again', async () => {
    const job = fixture.job({ webhook: webhook() });
    server.answer = hang;
    await tell(job, 'file-transferred', 'transferred');
    await until(() => expect(server.seen).toHaveLength(1));
    await fixture.restart();
    expect(fixture.events).toEqual([]);
    await until(() => expect(server.seen).toHaveLength(2));
    server.answer = status(200);
    await fixture.restart();
    await until(() => expect(fixture.told('notification.delivered')).toHaveLength(2));
    expect(server.kinds).toEqual(['file-transferred', 'file-transferred', 'file-transferred', 'transferred']);
    expect(new Set(server.seen.slice(0, 3).map((each) => each.json.id)).size).toBe(1);
  });

  it('get nothing of a job that is gone', async () => {
    const [gone, kept] = [fixture.job({ webhook: webhook() }), fixture.job({ webhook: webhook() })];
    server.answer = status(500);
    await tell(gone, 'transferred');
    await until(() => expect(fixture.told('notification.failed')).toHaveLength(1));
    await fixture.center.forget(gone);
    expect(fixture.clock.nextTimerInMs()).toBeNull();
    server.answer = status(200);
    await fixture.restart();
    await tell(kept, 'transferred');
    await until(() => expect(fixture.told('notification.delivered')).toHaveLength(1));
    expect(server.seen.map((each) => each.json.jobId)).toEqual([gone, kept]);
  });

  it('are left alone when the target cannot be told, and tried later', async () => {
    const job = fixture.job({ webhook: webhook() });
    const known = fixture.targets.get(job) as NotificationTarget;
    fixture.targets.get = () => {
      throw new Error('the jobs cannot be read');
    };
    await tell(job, 'transferred');
    await until(() => expect(fixture.clock.nextTimerInMs()).not.toBeNull());
    fixture.targets.get = () => known;
    fixture.clock.advance(RETRY_MS);
    await until(() => expect(server.kinds).toEqual(['transferred']));
  });
});

describe('four deliveries at a time', () => {
  it('are all an owner gets: four that hang hold up the others of that owner and nobody else', async () => {
    const jobs = Array.from({ length: 6 }, () => fixture.job({ webhook: webhook() }));
    const foreign = fixture.job({ owner: 'bob', webhook: { url: server.url('/bob'), secret: 'sixteen letters!' } });
    server.answer = (response, delivery) => {
      if (delivery.path === '/bob') status(200)(response, delivery);
    };
    for (const job of jobs) await tell(job, 'transferred');
    await until(() => expect(server.seen).toHaveLength(4));
    await fixture.center.tell(note(foreign, 'transferred', { owner: 'bob' }));
    await until(() => expect(fixture.told('notification.delivered')).toHaveLength(1));
    await fixture.center.tell(note(foreign, 'error', { owner: 'bob' }));
    await until(() => expect(fixture.told('notification.delivered')).toHaveLength(2));
    expect(server.seen.map((each) => each.path).sort()).toEqual(['/bob', '/bob', ...Array(4).fill('/hook')]);
    server.answer = status(200);
    fixture.clock.advance(WEBHOOK_TIMEOUT_MS);
    await until(() => expect(fixture.told('notification.failed')).toHaveLength(4));
    await until(() => expect(fixture.told('notification.delivered')).toHaveLength(4));
    await retry();
    await until(() => expect(fixture.told('notification.delivered')).toHaveLength(8));
    expect(new Set(server.seen.map((each) => each.json.jobId))).toEqual(new Set([...jobs, foreign]));
  });

  it('count for who owns the job now', async () => {
    const jobs = Array.from({ length: 5 }, () => fixture.job({ owner: 'root', webhook: webhook() }));
    server.answer = hang;
    for (const job of jobs) await tell(job, 'transferred');
    await until(() => expect(server.seen).toHaveLength(4));
    const mine = fixture.job({ webhook: { url: server.url('/mine'), secret: 'sixteen letters!' } });
    server.answer = status(200);
    await tell(mine, 'transferred');
    await until(() => expect(fixture.told('notification.delivered')).toHaveLength(1));
    expect(server.seen.map((each) => each.path)).toEqual([...Array(4).fill('/hook'), '/mine']);
  });
});

describe.skipIf(process.platform === 'win32')('commands', () => {
  const report = (fixed: NotifyFixture): string => `echo "$NEARBITS_JOB_ID $NEARBITS_KIND $*" >> '${fixed.dir}/ran'`;

  it('run for the end of a job alone, and what else happened stays pending', async () => {
    const program = await fixture.program('hook', report(fixture));
    const job = fixture.job({ command: { program, parameters: ['a b', '$HOME'] } });
    await tell(job, 'file-transferred', 'error', 'modification', 'transferred');
    await until(async () =>
      expect(await fixture.lines('ran')).toEqual([`${job} error a b $HOME`, `${job} transferred a b $HOME`]),
    );
    await until(() => expect(fixture.told('notification.delivered')).toHaveLength(2));
    expect(fixture.told('notification.delivered')[0]).toMatchObject({ way: 'command' });
    expect(await pending(job)).toEqual(['file-transferred', 'modification']);
  });

  it('run again after the delay of the job until they exit with 0', async () => {
    const program = await fixture.program('hook', `${report(fixture)}; test -e '${fixture.dir}/ready'`);
    const job = fixture.job({ command: { program, parameters: [] } });
    await tell(job, 'transferred');
    await until(() => expect(fixture.told('notification.failed')).toHaveLength(1));
    expect(fixture.told('notification.failed')[0]).toMatchObject({
      way: 'command',
      message: 'the command exited with status 1',
    });
    await fixture.program('ready', '');
    expect(await fixture.lines('ran')).toHaveLength(1);
    await retry();
    await until(() => expect(fixture.told('notification.delivered')).toHaveLength(1));
    expect(await fixture.lines('ran')).toHaveLength(2);
  });

  it('do not run when the webhook took the notification', async () => {
    const program = await fixture.program('hook', report(fixture));
    const job = fixture.job({ webhook: webhook(), command: { program, parameters: [] } });
    await tell(job, 'transferred', 'error');
    await until(() => expect(fixture.told('notification.delivered')).toHaveLength(2));
    expect([server.kinds, await fixture.lines('ran')]).toEqual([['transferred', 'error'], []]);
  });

  it('run when the webhook failed, also for something older; both are tried again when both fail', async () => {
    const program = await fixture.program('hook', `${report(fixture)}; test -e '${fixture.dir}/ready'`);
    const job = fixture.job({ webhook: webhook(), command: { program, parameters: [] } });
    server.answer = status(500);
    await tell(job, 'file-transferred', 'transferred');
    await until(() =>
      expect(fixture.told('notification.failed').map((each) => each.way)).toEqual(['webhook', 'command']),
    );
    await fixture.program('ready', '');
    await retry(2);
    await until(() => expect(fixture.told('notification.delivered')).toMatchObject([{ way: 'command' }]));
    await until(() => expect(server.kinds).toEqual(['file-transferred', 'file-transferred']));
    expect(await fixture.lines('ran')).toEqual([`${job} transferred `, `${job} transferred `]);
    expect(await pending(job)).toEqual(['file-transferred']);
  });

  it('run at once for a new end of a job while its webhook rests', async () => {
    const program = await fixture.program('hook', report(fixture));
    const job = fixture.job({ webhook: webhook(), command: { program, parameters: [] } });
    server.answer = status(500);
    await tell(job, 'file-transferred');
    await until(() => expect(fixture.told('notification.failed')).toHaveLength(1));
    await tell(job, 'transferred');
    await until(() => expect(fixture.told('notification.delivered')).toMatchObject([{ way: 'command' }]));
    expect(server.kinds).toEqual(['file-transferred']);
  });

  it('do not run unless the administrator allows them, and run once he does', async () => {
    const program = await fixture.program('hook', report(fixture));
    fixture.allowed.length = 0;
    const job = fixture.job({ command: { program, parameters: [] } });
    await tell(job, 'transferred');
    await until(() =>
      expect(fixture.told('notification.refused')).toEqual([{ type: 'notification.refused', jobId: job, program }]),
    );
    expect(await pending(job)).toEqual(['transferred']);
    expect(await fixture.lines('ran')).toEqual([]);
    fixture.allowed.push(program);
    fixture.center.wake(job);
    await until(() => expect(fixture.told('notification.delivered').map((each) => each.way)).toContain('command'));
    expect(await fixture.lines('ran')).toHaveLength(1);
  });

  it('do not run when others may change them; a link to an allowed one is that one', async () => {
    const open = await fixture.program('open', report(fixture), 0o770);
    const good = await fixture.program('good', report(fixture));
    const alias = join(fixture.dir, 'alias');
    await symlink(good, alias);
    await tell(fixture.job({ command: { program: open, parameters: [] } }), 'transferred');
    await until(() => expect(fixture.told('notification.refused')).toHaveLength(1));
    await tell(fixture.job({ command: { program: alias, parameters: ['by link'] } }), 'transferred');
    await until(() => expect(fixture.told('notification.delivered')).toHaveLength(1));
    expect(await fixture.lines('ran')).toEqual([expect.stringContaining('by link')]);
    await chmod(good, 0o720);
    await tell(fixture.job({ command: { program: alias, parameters: [] } }), 'transferred');
    await until(() => expect(fixture.told('notification.refused')).toHaveLength(2));
    expect(await fixture.lines('ran')).toHaveLength(1);
  });

  it('are ended when the node stops and run again when it starts', async () => {
    const program = await fixture.program('hook', `${report(fixture)}; test -e '${fixture.dir}/ready' || sleep 1000`);
    const job = fixture.job({ command: { program, parameters: [] } });
    await tell(job, 'transferred');
    await until(async () => expect(await fixture.lines('ran')).toHaveLength(1));
    await fixture.program('ready', '');
    await fixture.restart();
    await until(() => expect(fixture.told('notification.delivered')).toHaveLength(1));
    expect(fixture.told('notification.failed')).toEqual([]);
    expect(await fixture.lines('ran')).toHaveLength(2);
  });
});
