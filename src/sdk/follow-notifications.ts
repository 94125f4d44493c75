import type { Clock } from '../core/clock.ts';
import { NearbitsError } from '../core/errors.ts';
import { JobNotification } from '../job/model/view.ts';
import type { ApiConnection } from './connection.ts';

/** Waits between tries to reach the node again, doubled up to the longest. */
const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 30_000;

type Notes = AsyncIterable<JobNotification>;

/**
 * Notifications over as many connections as it takes: the node tells again what was not acknowledged, so nothing is lost
 * between two of them. The first connection has to work.
 * @throws NearbitsError E_NOT_RUNNING when no node answers, BG_E_NOT_FOUND for an unknown job, E_CANCELLED.
 */
export async function followNotifications(
  connection: ApiConnection,
  job: string | null,
  signal: AbortSignal,
  clock: Clock,
): Promise<Notes> {
  const open = () => openNotifications(connection, job, signal);
  const first = await open();
  return follow(first, open, (delayMs) => pause(clock, delayMs, signal));
}

async function* follow(
  first: Notes,
  open: () => Promise<Notes>,
  wait: (delayMs: number) => Promise<void>,
): AsyncGenerator<JobNotification> {
  let delayMs = FIRST_DELAY_MS;
  for (let stream: Notes | null = first; ; ) {
    try {
      stream ??= await open();
      for await (const note of stream) {
        delayMs = FIRST_DELAY_MS;
        yield note;
      }
    } catch (error) {
      if (!isPassing(error)) throw error;
    }
    stream = null;
    await wait(delayMs);
    delayMs = Math.min(delayMs * 2, LONGEST_DELAY_MS);
  }
}

/** Opens one stream and waits for its first word. */
async function openNotifications(connection: ApiConnection, job: string | null, signal: AbortSignal): Promise<Notes> {
  const stream = await connection.stream('/v1/notifications', { job: job ?? undefined }, signal);
  const messages = stream[Symbol.asyncIterator]();
  const first = await messages.next();
  if (first.done === true || first.value.event !== 'ready') {
    throw new NearbitsError('E_NOT_RUNNING', 'the node went away while it was asked for notifications');
  }
  return (async function* () {
    for await (const { data } of { [Symbol.asyncIterator]: () => messages }) {
      yield JobNotification.parse(JSON.parse(data));
    }
  })();
}

/** The node is away, or has no stream to spare: both pass. */
function isPassing(error: unknown): boolean {
  return error instanceof NearbitsError && (error.code === 'E_NOT_RUNNING' || error.code === 'E_BUSY');
}

async function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  try {
    await clock.sleep(delayMs, signal);
  } catch (error) {
    throw new NearbitsError('E_CANCELLED', 'the waiting was stopped', { cause: error });
  }
}
