import type { NodeEvent } from '../../src/observe/events.ts';
import type { NearbitsClient } from '../../src/sdk/client.ts';

/** Tells `listener` what a node tells, from when this resolves until the end of the block or of the node. */
export async function watchEvents(
  client: NearbitsClient,
  listener: (event: NodeEvent) => void,
): Promise<AsyncDisposable> {
  const end = new AbortController();
  const events = await client.events(end.signal);
  const listen = async () => {
    for await (const event of events) listener(event);
  };
  // A node that is gone tells nothing more: how it went is for others to find out.
  const listening = listen().catch(() => {});
  const dispose = async () => {
    end.abort();
    await listening;
  };
  return { [Symbol.asyncDispose]: dispose };
}
