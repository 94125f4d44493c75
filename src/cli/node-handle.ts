import type { NodeBackend } from '../api/backend.ts';
import type { ConfigInput } from '../config/schema.ts';
import type { Logger } from '../observe/log.ts';
import type { NodePaths } from '../platform/paths.ts';

/** How the command line wants a node: the options of `createNode` in src/node.ts that it uses. */
export interface NodeOptions {
  readonly dataDir?: string;
  readonly configFile?: string;
  readonly policyFile?: string;
  readonly socketPath?: string;
  readonly config?: ConfigInput;
  /** Without it the node logs to standard error as its configuration says. */
  readonly log?: Logger;
  /** Whether the local API is served, and transfers that were left unfinished are taken up again. */
  readonly listenApi?: boolean;
  /** Asks the node to stop when it aborts. */
  readonly signal?: AbortSignal;
}

/** A node in this process. */
export interface NodeHandle extends AsyncDisposable {
  readonly backend: NodeBackend;
  readonly paths: NodePaths;
  /** Resolves when somebody asked the node to stop, over the API or through the signal. */
  readonly stopRequested: Promise<void>;
}

/** Makes and starts a node; `createNode` of src/node.ts fits. */
export type CreateNode = (options: NodeOptions) => Promise<NodeHandle>;
