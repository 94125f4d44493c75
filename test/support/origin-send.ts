import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Link } from './link.ts';
import type { Answer } from './origin-answer.ts';
import type { Faults } from './origin-script.ts';

/** Bytes per write: large enough to be fast, small enough to stop early when the client goes away. */
const STEP = 256 * 1024;

/** The same where answers share a link: each has its turn. */
const LINK_STEP = 32 * 1024;

/** Where the faults of a body take effect. */
interface Plan {
  readonly end: number;
  readonly ending: 'end' | 'cut' | 'stall';
}

/** Sends an answer with the faults that concern headers and body; `count` is told the bytes of the body. */
export async function sendAnswer(
  response: ServerResponse,
  answer: Answer,
  options: {
    readonly faults: Faults;
    readonly headOnly: boolean;
    readonly bytesPerSecond: number | null;
    readonly link: Link | null;
    readonly count: (bytes: number) => void;
  },
): Promise<void> {
  const { faults, headOnly, count } = options;
  writeHead(response, answer, faults, headOnly);
  if (headOnly) {
    response.end();
    return;
  }
  const plan = planOf(answer, faults);
  const rate = faults.bytesPerSecond ?? options.bytesPerSecond;
  const sent = await sendBody(response, answer, plan.end, { rate, link: options.link, count });
  if (!sent) return;
  if (plan.ending === 'cut') await cut(response);
  else if (plan.ending === 'end') response.end(Buffer.alloc(faults.extraBytes ?? 0, 'x'));
}

function writeHead(response: ServerResponse, answer: Answer, faults: Faults, headOnly: boolean): void {
  const headers = { ...answer.headers };
  const length = answer.end - answer.start + (faults.addToLength ?? 0);
  if (faults.noLength || faults.untilClose || faults.extraBytes !== undefined) delete headers['content-length'];
  else headers['content-length'] = length;
  if (faults.untilClose) {
    headers.connection = 'close';
    response.useChunkedEncodingByDefault = false;
    response.shouldKeepAlive = false;
  }
  if (headOnly && headers['content-length'] === undefined) response.useChunkedEncodingByDefault = false;
  response.writeHead(answer.status, headers);
  response.flushHeaders();
}

function planOf(answer: Answer, faults: Faults): Plan {
  if (faults.closeAfterBytes !== undefined) {
    return { end: Math.min(answer.end, answer.start + faults.closeAfterBytes), ending: 'cut' };
  }
  if (faults.stallAfterBytes !== undefined) {
    const end = Math.min(answer.end, answer.start + faults.stallAfterBytes);
    // One that has no more bytes ends as usual: a client takes it for complete, and asks again on the same connection.
    return { end, ending: end < answer.end || faults.stallAfterBytes === 0 ? 'stall' : 'end' };
  }
  // A body shorter than announced must end with the connection, or the client waits.
  return { end: answer.end, ending: (faults.addToLength ?? 0) > 0 ? 'cut' : 'end' };
}

// Resolves to false when the client went away.
async function sendBody(
  response: ServerResponse,
  answer: Answer,
  end: number,
  options: { readonly rate: number | null; readonly link: Link | null; readonly count: (bytes: number) => void },
): Promise<boolean> {
  const { rate, link, count } = options;
  const most = link === null ? STEP : LINK_STEP;
  const step = rate === null ? most : Math.max(1, Math.min(most, Math.floor(rate / 50)));
  const startMs = performance.now();
  for (let offset = answer.start; offset < end; ) {
    const next = Math.min(end, (Math.floor(offset / step) + 1) * step);
    await link?.carry(next - offset);
    if (response.destroyed || response.socket === null) return false;
    const flowing = response.write(answer.content.read(offset, next));
    count(next - offset);
    offset = next;
    // After the last byte nothing is waited for: a client that has it all may send its next request on the connection,
    // whose answer has no socket before this one has ended.
    if (offset === end) break;
    if (!flowing && !(await drained(response))) return false;
    if (rate !== null) await keepPace(startMs, offset - answer.start, rate);
  }
  return true;
}

async function keepPace(startMs: number, sent: number, bytesPerSecond: number): Promise<void> {
  const dueMs = startMs + (sent * 1000) / bytesPerSecond;
  const waitMs = dueMs - performance.now();
  if (waitMs > 0) await delay(waitMs);
}

async function drained(response: ServerResponse): Promise<boolean> {
  if (response.destroyed) return false;
  const gone = new AbortController();
  const onClose = () => gone.abort();
  response.once('close', onClose);
  try {
    await once(response, 'drain', { signal: gone.signal });
    return true;
  } catch {
    return false;
  } finally {
    response.off('close', onClose);
  }
}

// Ends the connection after what was written has left: an orderly FIN, which a client must notice as too early.
async function cut(response: ServerResponse): Promise<void> {
  const { socket } = response;
  if (socket === null) return;
  await new Promise<void>((resolve) => response.write('', () => resolve()));
  socket.end();
}
