/** What runs in the thread of hash-thread.ts: answers each stretch of shared memory with its SHA-256, in order. */
import { hash } from 'node:crypto';
import { parentPort } from 'node:worker_threads';

const port = parentPort;
if (port === null) throw new Error('hash-worker runs in a thread only');
port.on('message', (bytes: Uint8Array) => port.postMessage(hash('sha256', bytes, 'buffer')));
