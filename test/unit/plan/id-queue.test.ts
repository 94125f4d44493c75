import { expect, test } from 'vitest';
import { IdQueue } from '../../../src/plan/id-queue.ts';

const drain = (queue: IdQueue) => {
  const ids: string[] = [];
  for (let id = queue.first(); id !== null; id = queue.first()) {
    ids.push(id);
    queue.delete(id);
  }
  return ids;
};

test('ids leave in the order in which they came, but for those that were put in front', () => {
  const queue = new IdQueue();
  for (const id of ['a', 'b', 'c']) queue.append(id);
  queue.prepend('x');
  expect(queue.size).toBe(4);
  expect(drain(queue)).toEqual(['x', 'a', 'b', 'c']);
  expect(queue.size).toBe(0);
});

test('an id can leave from any place and come again', () => {
  const queue = new IdQueue();
  for (const id of ['a', 'b', 'c']) queue.append(id);
  expect(queue.delete('b')).toBe(true);
  expect(queue.delete('b')).toBe(false);
  expect(queue.delete('c')).toBe(true);
  queue.append('b');
  expect(drain(queue)).toEqual(['a', 'b']);
});
