import { once } from 'node:events';
import type { TLSSocket } from 'node:tls';
import type { ByteRange } from '../../src/core/byte-range.ts';
import { systemClock } from '../../src/core/clock.ts';
import { newRecordId } from '../../src/core/ids.ts';
import { silentLogger } from '../../src/observe/log.ts';
import { ContentClient } from '../../src/peer/content-client.ts';
import { testNodeId } from '../support/node-ids.ts';
import type { Content } from '../support/origin-script.ts';
import { PseudoRandomFile } from '../support/pseudo-random-file.ts';
import { answerHead, ScriptedPeer } from '../support/scripted-peer.ts';
import { TestDomain } from '../support/test-domain.ts';
import { type SenderScript, sourceContract } from './source.ts';

const CHUNK = 1024 * 1024;
const content = new PseudoRandomFile({ size: 64 * CHUNK, seed: 'contract' });
const [holderId, askerId] = [testNodeId(1), testNodeId(2)];

sourceContract('a peer', content, async (wanted: Content, script: SenderScript) => {
  const domain = await TestDomain.create();
  const sent = { bytes: 0 };
  const holder = await ScriptedPeer.start(await domain.member(holderId), (socket, range) =>
    send(socket, wanted, range, script, sent),
  );
  const membership = await domain.member(askerId);
  const client = new ContentClient({ membership: () => membership, clock: systemClock, log: silentLogger }, {});
  const record = { id: newRecordId(), version: { size: wanted.size, lastModifiedMs: null, etag: null } };
  return {
    source: client.source({ nodeId: holderId, host: '127.0.0.1', port: holder.port, record }),
    bytesSent: () => sent.bytes,
    async [Symbol.asyncDispose]() {
      await client.close();
      await holder[Symbol.asyncDispose]();
    },
  };
});

async function send(
  socket: TLSSocket,
  wanted: Content,
  range: ByteRange,
  script: SenderScript,
  sent: { bytes: number },
): Promise<void> {
  const end = script.kind === 'sound' ? range.end : Math.min(range.end, range.start + script.afterBytes);
  socket.write(answerHead(range, wanted.size));
  for (let start = range.start; start < end && !socket.destroyed; start += CHUNK) {
    const chunk = wanted.read(start, Math.min(start + CHUNK, end));
    const free = socket.write(chunk);
    sent.bytes += chunk.length;
    if (!free) await either(socket, 'drain', 'close');
  }
  if (script.kind === 'cuts') socket.end();
}

async function either(socket: TLSSocket, ...events: readonly string[]): Promise<void> {
  const over = new AbortController();
  await Promise.race(events.map((event) => once(socket, event, { signal: over.signal }))).finally(() => over.abort());
}
