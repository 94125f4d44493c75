/** A source of random numbers in [0, 1); passed in so that decisions can be repeated. */
export type Random = () => number;

/** The machine's random numbers; good for choices, never for secrets. */
export const systemRandom: Random = Math.random;

/** A repeatable generator (mulberry32) for tests and simulations; `seed` is a 32-bit integer. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** Up to `count` different items in random order (Fisher-Yates on a copy). */
export function sample<T>(items: readonly T[], count: number, random: Random): T[] {
  const pool = [...items];
  const wanted = Math.min(count, pool.length);
  for (let index = 0; index < wanted; index++) {
    const other = index + Math.floor(random() * (pool.length - index));
    [pool[index], pool[other]] = [pool[other] as T, pool[index] as T];
  }
  return pool.slice(0, wanted);
}
