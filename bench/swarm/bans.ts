import { setTimeout as wait } from 'node:timers/promises';
import { watchEvents } from '../../test/support/watch-events.ts';
import type { Member } from './crowd.ts';

/** How long news of a ban may travel after the last node has its file, in milliseconds. */
const NEWS_MS = 5000;

/** Listens to which members ban a node for wrong bytes, from its making to its end. */
export class BanWatch implements AsyncDisposable {
  readonly #banning = new Set<Member>();
  readonly #stack = new AsyncDisposableStack();
  readonly #count: number;

  private constructor(count: number) {
    this.#count = count;
  }

  /** Begins to listen to `members`. */
  static async start(members: readonly Member[], suspect: Member): Promise<BanWatch> {
    const watch = new BanWatch(members.length);
    const { nodeId } = suspect.process.ready;
    for (const member of members) {
      const watching = watchEvents(member.process.client, (event) => {
        if (event.type === 'swarm.banned' && event.nodeId === nodeId) watch.#banning.add(member);
      });
      watch.#stack.use(await watching);
    }
    return watch;
  }

  /** How many have banned it, or will have done so in a moment. */
  async count(): Promise<number> {
    const deadlineMs = Date.now() + NEWS_MS;
    while (this.#banning.size < this.#count && Date.now() < deadlineMs) await wait(50);
    return this.#banning.size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}
