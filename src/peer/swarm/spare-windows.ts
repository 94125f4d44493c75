import type { Stream } from '@libp2p/interface';

/** What yamux keeps of the receiving end of a stream; no part of its interface, so its absence must do no harm. */
interface ReceiveWindow {
  /** Bytes that the other end may send before it hears more. */
  readonly recvWindow: number;
  /** What is left of them. */
  readonly recvWindowCapacity: number;
  sendWindowUpdate: () => void;
}

/**
 * Lets a stream answer with a window update only when half of the window is used, as the yamux specification has it
 * done for efficiency. The library answers every message, and each answer costs both ends as much as a message: for beats
 * of a hundred bytes that is half of all packets. Any other stream is left as it is.
 */
export function spareWindowUpdates(stream: Stream): void {
  if (!hasWindow(stream)) return;
  const update = stream.sendWindowUpdate.bind(stream);
  stream.sendWindowUpdate = () => {
    if (2 * stream.recvWindowCapacity <= stream.recvWindow) update();
  };
}

function hasWindow(stream: object): stream is ReceiveWindow {
  const { recvWindow, recvWindowCapacity, sendWindowUpdate } = stream as Partial<ReceiveWindow>;
  return [recvWindow, recvWindowCapacity].every(Number.isSafeInteger) && typeof sendWindowUpdate === 'function';
}
