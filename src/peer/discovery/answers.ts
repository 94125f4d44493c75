import type { Clock, Timer } from '../../core/clock.ts';
import type { NodeId } from '../../core/ids.ts';
import type { Random } from '../../core/random.ts';
import { answerDelayMs, answersNow, ENOUGH_ANSWERS } from './decisions.ts';
import { type Rate, TokenBucket } from './rate-limit.ts';

/** Questions waiting for our answer at one time; more are left to others. */
const MAX_WAITING = 64;
/** Far above what an honest subnet causes: each question is answered by about ten nodes of all. */
const ANSWER_RATE: Rate = { burst: 20, perSecond: 0.1 };

interface Waiting {
  readonly timer: Timer;
  /** Who answered already; not counted on past enough. */
  readonly answeredBy: Set<NodeId>;
}

/** What {@link Answers} works with. */
export interface AnswersDeps {
  readonly clock: Clock;
  readonly random: Random;
  /** How many peers the node knows now; the measure of the subnet's size. */
  readonly peersKnown: () => number;
}

/**
 * The questions this node may answer. Each question is heard by the whole subnet and so is each answer: a node waits a
 * random time, counts the answers of others, and stays silent when there are enough. So the answers to a question are
 * about ten whether twenty nodes hear it or five hundred. The rule is in `decisions.ts`.
 */
export class Answers {
  readonly #deps: AnswersDeps;
  readonly #rate: TokenBucket;
  readonly #waiting = new Map<string, Waiting>();

  constructor(deps: AnswersDeps) {
    this.#deps = deps;
    this.#rate = new TokenBucket(deps, ANSWER_RATE);
  }

  /** Answers `question` by calling `answer` later, or not. A question that already waits is not taken twice. */
  consider(question: string, answer: () => void): void {
    if (this.#waiting.has(question) || this.#waiting.size >= MAX_WAITING) return;
    const { clock, random, peersKnown } = this.#deps;
    const timer = clock.after(answerDelayMs(peersKnown(), random()), () => this.#decide(question, answer));
    this.#waiting.set(question, { timer, answeredBy: new Set() });
  }

  /** Takes in that a peer answered `question`. */
  heard(question: string, by: NodeId): void {
    const answeredBy = this.#waiting.get(question)?.answeredBy;
    if (answeredBy !== undefined && answeredBy.size < ENOUGH_ANSWERS) answeredBy.add(by);
  }

  /** Forgets every waiting question. */
  clear(): void {
    for (const { timer } of this.#waiting.values()) timer.cancel();
    this.#waiting.clear();
  }

  #decide(question: string, answer: () => void): void {
    const heard = this.#waiting.get(question)?.answeredBy.size ?? 0;
    this.#waiting.delete(question);
    const { random, peersKnown } = this.#deps;
    if (answersNow(heard, peersKnown(), random()) && this.#rate.take()) answer();
  }
}
