import type { NodeProcess } from '../test/support/node-process.ts';

/** What one node of the demo did. */
export interface NodeResult {
  readonly name: string;
  readonly nodeId: string;
  readonly bytesFromOrigin: number;
  readonly bytesFromPeers: number;
  /** Time of the transfer, from its start to the finished file. */
  readonly ms: number;
  /** Bytes by giver: `origin` or the NodeId of a neighbour. */
  readonly givers: ReadonlyMap<string, number>;
}

/** Fetches one URL on one node and waits until its neighbours can have it too. */
export async function fetchOn(node: NodeProcess, name: string, url: string, destination: string): Promise<NodeResult> {
  const { id } = await node.client.transfers.start({ url, destination, priority: 'background' });
  for await (const view of node.client.transfers.watch(id)) {
    if (view.state === 'failed' || view.state === 'cancelled') throw new Error(`node ${name}: ${view.error?.message}`);
  }
  const done = await node.client.transfers.get(id);
  return {
    name,
    nodeId: node.ready.nodeId,
    bytesFromOrigin: done.bytesFromOrigin,
    bytesFromPeers: done.bytesFromPeers,
    ms: Math.round((done.finishedMs ?? 0) - (done.startedMs ?? 0)),
    givers: await giversOf(node, id),
  };
}

async function giversOf(node: NodeProcess, id: string): Promise<Map<string, number>> {
  const trace = await node.client.transfers.trace(id);
  // A file that is fetched together with others is asked for piece by piece: the trace has the sums of all that.
  const together = trace.find(({ code }) => code === 'SWARM_DONE')?.data as TogetherSums | undefined;
  if (together !== undefined) return nonZero([['origin', together.origin], ...Object.entries(together.givers)]);
  const givers = new Map<string, number>();
  for (const { code, data } of trace) {
    if (code !== 'FETCHED' && code !== 'FETCH_FAILED') continue;
    const source = String(data.source);
    givers.set(source, (givers.get(source) ?? 0) + Number(data.received ?? 0));
  }
  return givers;
}

interface TogetherSums {
  readonly origin: number;
  readonly givers: Readonly<Record<string, number>>;
}

function nonZero(entries: readonly (readonly [string, number])[]): Map<string, number> {
  return new Map(entries.filter(([, bytes]) => bytes > 0));
}
