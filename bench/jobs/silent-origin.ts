import { type AddressInfo, createServer, type Socket } from 'node:net';

/** An origin that takes every connection and never answers, so that whoever asks it goes on waiting. */
export interface SilentOrigin extends AsyncDisposable {
  readonly url: string;
}

/** Listens on a free port of loopback. */
export async function startSilentOrigin(): Promise<SilentOrigin> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}); // those who asked are stopped in the middle of it
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
