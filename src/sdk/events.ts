import { z } from 'zod';
import { NearbitsError } from '../core/errors.ts';
import type { NodeEvent } from '../observe/events.ts';
import type { ApiConnection } from './connection.ts';

const EventEnvelope = z.looseObject({ type: z.string(), atMs: z.number() });

/** Opens the stream and waits for its first word, after which no event is missed. */
export async function openEvents(
  connection: ApiConnection,
  query: { readonly transfer?: string; readonly job?: string },
  signal: AbortSignal,
): Promise<AsyncIterable<NodeEvent>> {
  const messages = (await connection.stream('/v1/events', query, signal))[Symbol.asyncIterator]();
  const first = await messages.next();
  if (first.done === true || first.value.event !== 'ready') {
    throw new NearbitsError('E_INTERNAL', 'the stream of events did not begin as it should');
  }
  return (async function* () {
    for await (const { event, data } of { [Symbol.asyncIterator]: () => messages }) {
      if (event === 'lost') throw new NearbitsError('E_BUSY', 'events were lost: this program did not keep up');
      // The envelope is checked; the fields are those of the node's own type.
      yield EventEnvelope.parse(JSON.parse(data)) as unknown as NodeEvent;
    }
  })();
}
