import type { NearbitsNode, NodeOptions } from '../node.ts';

/** A node in this process, as far as commands use it. */
export type NodeHandle = Pick<NearbitsNode, 'backend' | 'paths' | 'stopRequested'> & AsyncDisposable;

/** Makes and starts a node; `createNode` of src/node.ts fits. Handed in, because that file loads all of the node's libraries. */
export type CreateNode = (options: NodeOptions) => Promise<NodeHandle>;
