import { setTimeout as wait } from 'node:timers/promises';
import type { Member } from './crowd.ts';

/** How long news of a ban may travel after the last node has its file, in milliseconds. */
const NEWS_MS = 5000;

/** Listens to which members ban a node for wrong bytes, from its making to its end. */
export class BanWatch implements AsyncDisposable {
  readonly #banning = new Set<Member>();
  readonly #watchers: readonly Member[];
  readonly #end = new AbortController();
  readonly #loops: Promise<void>[] = [];

  private constructor(watchers: readonly Member[]) {
    this.#watchers = watchers;
  }

  /** Begins to listen to `watchers`. */
  static async start(watchers: readonly Member[], suspect: Member): Promise<BanWatch> {
    const watch = new BanWatch(watchers);
    const { nodeId } = suspect.process.ready;
    for (const member of watchers) {
      const events = await member.process.client.events(watch.#end.signal);
      const listen = async () => {
        for await (const event of events) {
          if (event.type === 'swarm.banned' && event.nodeId === nodeId) watch.#banning.add(member);
        }
      };
      watch.#loops.push(listen().catch(() => {})); // ends with an error when the watch does
    }
    return watch;
  }

  /** How many have banned it, or will have done so in a moment. */
  async count(): Promise<number> {
    const deadlineMs = Date.now() + NEWS_MS;
    while (this.#banning.size < this.#watchers.length && Date.now() < deadlineMs) await wait(50);
    return this.#banning.size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    await Promise.all(this.#loops);
  }
}
