import { setNewest } from './set-newest.ts';

/**
 * The same function, which remembers the `most` answers that were used last: for what is computed again and again of a
 * few values, such as the ids of neighbours. A failure is not remembered. Answers are shared, so nobody may change them.
 */
export function remembering<K, V extends {}>(compute: (key: K) => V, most: number): (key: K) => V {
  const known = new Map<K, V>();
  return (key) => {
    const value = known.get(key) ?? compute(key);
    setNewest(known, key, value, most);
    return value;
  };
}
