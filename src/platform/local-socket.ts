import { randomBytes } from 'node:crypto';
import { chmod, mkdir, rename, unlink } from 'node:fs/promises';
import { connect, type Server } from 'node:net';
import { dirname } from 'node:path';
import { NearbitsError, systemErrorCode } from '../core/errors.ts';
import { isPipe } from './paths.ts';

/** `sun_path` holds 104 bytes on macOS and 108 on Linux, the closing zero included; the smaller one counts, for paths that work everywhere. */
const MAX_SOCKET_PATH_BYTES = 103;
const TEMPORARY_SUFFIX_BYTES = 7;

/**
 * Makes `server` listen on a Unix socket that only the owner may open (mode 0600), or on a Windows pipe.
 * The socket of a process that died is replaced. Returns the function that gives the path back; call it after the server closed.
 * @throws NearbitsError E_ALREADY_RUNNING when another process answers there, E_LISTEN when the path cannot be used.
 */
export async function listenLocal(server: Server, path: string): Promise<() => Promise<void>> {
  if (isPipe(path)) {
    await listenOn(server, path);
    return async () => {};
  }
  checkLength(path);
  await prepareDirectory(path);
  if (await answersLocally(path)) throw alreadyRunning(path);
  // Listening under another name first means that nobody can connect before the mode is set,
  // and the rename replaces a dead socket in one step.
  const temporary = `${path}.${randomBytes(3).toString('hex')}`;
  await listenOn(server, temporary);
  await chmod(temporary, 0o600);
  await rename(temporary, path);
  return () => removeIfThere(path);
}

/** Whether a process accepts connections at the path. */
export async function answersLocally(path: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(path, () => resolve(true));
  socket.once('error', () => resolve(false));
  try {
    return await promise;
  } finally {
    socket.destroy();
  }
}

function checkLength(path: string): void {
  const allowed = MAX_SOCKET_PATH_BYTES - TEMPORARY_SUFFIX_BYTES;
  if (Buffer.byteLength(path) <= allowed) return;
  throw new NearbitsError('E_LISTEN', `the socket path ${path} is longer than ${allowed} bytes`, {
    hint: 'Name a shorter one with NEARBITS_SOCKET.',
  });
}

async function prepareDirectory(path: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new NearbitsError('E_LISTEN', `the directory of the socket ${path} cannot be made`, { cause: error });
  }
}

async function listenOn(server: Server, path: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const fail = (error: Error): void => {
    if (isPipe(path) && systemErrorCode(error) === 'EADDRINUSE') reject(alreadyRunning(path));
    else reject(new NearbitsError('E_LISTEN', `cannot listen on ${path}: ${error.message}`, { cause: error }));
  };
  server.once('error', fail);
  server.listen(path, () => {
    server.off('error', fail);
    resolve();
  });
  await promise;
}

function alreadyRunning(path: string): NearbitsError {
  return new NearbitsError('E_ALREADY_RUNNING', `another node answers on ${path}`, {
    hint: 'Stop it first, or give this one its own data directory with NEARBITS_DATA_DIR.',
    details: { socket: path },
  });
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw error;
  }
}
