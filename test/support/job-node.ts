import type { NodeAccess } from '../../src/sdk/access.ts';
import { NearbitsClient } from '../../src/sdk/client.ts';
import { inProcess } from '../../src/sdk/in-process.ts';
import { startTestApi } from './api.ts';
import { MemoryBackend } from './memory-backend.ts';
import type { MemoryJobs } from './memory-jobs.ts';

/** A node in memory as programs use it, and the jobs behind it. */
export interface JobNode extends AsyncDisposable {
  readonly node: NodeAccess;
  readonly memory: MemoryJobs;
}

/** The two ways to use a node; what is written once works over both. */
export const WAYS: readonly (readonly [string, () => Promise<JobNode>])[] = [
  ['over the local API', overTheApi],
  ['in the same process', inThisProcess],
];

async function overTheApi(): Promise<JobNode> {
  const api = await startTestApi();
  const node = new NearbitsClient({ socket: api.socketPath });
  return {
    node,
    memory: api.backend.jobs,
    async [Symbol.asyncDispose]() {
      await node.close();
      await api[Symbol.asyncDispose]();
    },
  };
}

async function inThisProcess(): Promise<JobNode> {
  const backend = new MemoryBackend();
  return { node: inProcess(backend), memory: backend.jobs, async [Symbol.asyncDispose]() {} };
}
