/**
 * The same function, which remembers its last `most` different answers: for what is computed again and again of a few
 * values, such as the ids of neighbours. A failure is not remembered. Answers are shared, so nobody may change them.
 */
export function remembering<K, V>(compute: (key: K) => V, most: number): (key: K) => V {
  const known = new Map<K, V>();
  return (key) => {
    const before = known.get(key);
    if (before !== undefined) return before;
    const value = compute(key);
    const [oldest] = known.keys();
    if (known.size >= most && oldest !== undefined) known.delete(oldest);
    known.set(key, value);
    return value;
  };
}
