/** How many events and notifications a second reach a subscriber over the socket; both ends share this process. */
import { join } from 'node:path';
import { systemClock } from '../../src/core/clock.ts';
import { systemRandom } from '../../src/core/random.ts';
import { Job } from '../../src/job/job.ts';
import { JobTable } from '../../src/job/job-table.ts';
import { Notifier } from '../../src/job/notifier.ts';
import { JobStore } from '../../src/job/store/job-store.ts';
import { silentLogger as log } from '../../src/observe/log.ts';
import { NearbitsClient } from '../../src/sdk/client.ts';
import { Vault } from '../../src/security/vault.ts';
import { Database } from '../../src/store/database.ts';
import { startTestApi, type TestApi } from '../../test/support/api.ts';
import type { Row } from '../row.ts';
import type { Queue } from './queue.ts';

const EVENTS = 50_000;
const NOTIFICATIONS = 5_000;
/** So many are on their way at a time; a stream of events is ended when 1,000 wait. */
const WINDOW = 200;

/** Measures both; the notifications are those of jobs in `queue`, whose node must not be running. */
export async function tellingRows(queue: Queue): Promise<Row[]> {
  await using api = await startTestApi();
  await using client = new NearbitsClient({ socket: api.socketPath });
  const events = await eventsPerSecond(api, client);
  const notifications = await notificationsPerSecond(api, client, queue);
  return [
    { name: 'jobs: events to a subscriber', value: events, unit: '1/s' },
    { name: 'jobs: notifications told, stored, received and acknowledged', value: notifications, unit: '1/s' },
  ];
}

async function eventsPerSecond({ backend }: TestApi, client: NearbitsClient): Promise<number> {
  const over = new AbortController();
  const jobId = crypto.randomUUID() as Job['id'];
  const emit = async () => backend.events.emit({ type: 'job.state', jobId, from: 'QUEUED', to: 'CONNECTING' });
  const rate = await received(await client.events(over.signal), EVENTS, emit, async () => {});
  over.abort();
  return rate;
}

async function notificationsPerSecond(api: TestApi, client: NearbitsClient, { home }: Queue): Promise<number> {
  const dataDir = home.env.NEARBITS_DATA_DIR as string;
  const deps = { clock: systemClock, random: systemRandom, log, emit: api.backend.events.emit };
  await using database = await Database.open(deps, { dir: join(dataDir, 'jobs') });
  const jobs = new JobTable();
  for (const record of await new JobStore(database, log).load()) jobs.add(new Job(record));
  const vault = await Vault.open({ log }, { dataDir });
  const notifier = await Notifier.open({ ...deps, database, vault, jobs, allowedPrograms: () => [] });
  Object.assign(api.backend.jobs, {
    notifications: notifier.stream.bind(notifier),
    acknowledge: notifier.acknowledge.bind(notifier),
  });
  const over = new AbortController();
  const all = [...jobs.open.values()];
  const tell = (number: number) => notifier.notify(all[number % all.length] as Job, 'transferred');
  const stream = client.jobs.notifications({ signal: over.signal });
  const rate = await received(stream, NOTIFICATIONS, tell, (note) => note.acknowledge());
  over.abort();
  await notifier.stop();
  return rate;
}

/** Sends so many, one window after the other, and returns how many a second came and were answered. */
async function received<T>(
  stream: AsyncIterable<T>,
  count: number,
  send: (number: number) => Promise<void>,
  answer: (one: T) => Promise<void>,
): Promise<number> {
  const incoming = stream[Symbol.asyncIterator]();
  const startMs = performance.now();
  for (let sent = 0; sent < count; ) {
    const window = Math.min(WINDOW, count - sent);
    const sending = Promise.all(Array.from({ length: window }, (_, index) => send(sent + index)));
    const answers: Promise<void>[] = [];
    for (let came = 0; came < window; came++) answers.push(answer((await incoming.next()).value as T));
    await Promise.all([sending, ...answers]);
    sent += window;
  }
  return (count * 1000) / (performance.now() - startMs);
}
