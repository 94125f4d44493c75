import { NearbitsError } from '../core/errors.ts';
import type { TransferId } from '../core/ids.ts';
import { isFinal, type TransferView } from '../job/model/transfer-view.ts';
import type { NodeEvent } from '../observe/events.ts';

/** What watching needs: the events of one transfer, subscribed to before the first look, and two ways to look. */
export interface WatchSource {
  readonly events: AsyncIterable<NodeEvent>;
  get(id: TransferId): Promise<TransferView>;
  /** Resolves when the transfer ended and it is decided whether it is shared. */
  settled(id: TransferId): Promise<TransferView>;
}

/**
 * Yields a transfer as it stands now, after each step, and at last as it ended; the last one has a final state and
 * says whether the file is shared.
 * @throws NearbitsError E_NOT_FOUND, E_NOT_RUNNING when the node goes away meanwhile.
 */
export async function* watchTransfer(source: WatchSource, id: TransferId): AsyncGenerator<TransferView> {
  let view = await source.get(id);
  if (isFinal(view.state)) return yield await source.settled(id);
  yield view;
  for await (const event of source.events) {
    if (event.type === 'transfer.progress') {
      const { bytesDone, bytesTotal, bytesFromPeers, bytesFromOrigin, bytesFromCache } = event;
      view = { ...view, state: 'running', bytesDone, bytesTotal, bytesFromPeers, bytesFromOrigin, bytesFromCache };
    } else {
      view = await source.get(id);
    }
    if (isFinal(view.state)) return yield await source.settled(id);
    yield view;
  }
  throw new NearbitsError('E_NOT_RUNNING', 'the node went away while the transfer was watched', {
    hint: 'The transfer goes on when the node starts again.',
    details: { transfer: id },
  });
}
