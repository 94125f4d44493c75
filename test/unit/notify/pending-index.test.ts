import { describe, expect, it } from 'vitest';
import { type JobId, newJobId } from '../../../src/core/ids.ts';
import { PendingIndex } from '../../../src/notify/pending-index.ts';

const A = newJobId();
const B = newJobId();
const ALL = { owner: null, jobId: null };

function indexOf(...entries: readonly (readonly [string, JobId, string, string?])[]): PendingIndex {
  const index = new PendingIndex();
  for (const [id, jobId, kind, owner = 'alice'] of entries) {
    const attempts = { subscriber: 0, webhook: 0, command: 0 };
    index.add({ id, jobId, owner, kind, urgent: kind !== 'modification', attempts });
  }
  return index;
}

describe('PendingIndex', () => {
  it('drops modifications first, then what tells of files, then ends of jobs, old ones first', () => {
    const index = indexOf(
      ['1', A, 'error'],
      ['2', A, 'file-transferred'],
      ['3', B, 'file-ranges-transferred'],
      ['4', B, 'modification'],
      ['5', A, 'transferred'],
    );
    const order: (string | undefined)[] = [];
    for (let next = index.firstToDrop(); next !== null; next = index.firstToDrop()) {
      order.push(next.id);
      index.remove(next.id);
    }
    expect(order).toEqual(['4', '2', '3', '1', '5']);
    expect([index.size, index.jobs()]).toEqual([0, []]);
  });

  it('finds the first to drop and the oldest of a job alone', () => {
    const index = indexOf(
      ['1', B, 'modification'],
      ['2', A, 'error'],
      ['3', A, 'file-transferred'],
      ['4', A, 'transferred'],
    );
    expect(index.firstToDropOf(A)?.id).toBe('3');
    expect(index.oldest(A)?.id).toBe('2');
    expect(index.oldest(A, ['transferred'])?.id).toBe('4');
    expect(index.oldest(newJobId())).toBeNull();
  });

  it('gives pages by owner and job and goes on behind what it looked at', () => {
    const index = indexOf(['1', A, 'x'], ['2', B, 'x', 'bob'], ['3', A, 'x'], ['4', B, 'x', 'bob'], ['5', A, 'x']);
    expect(index.page(ALL, '', 2)).toEqual({ ids: ['1', '2'], cursor: '2' });
    expect(index.page(ALL, '2', 9)).toEqual({ ids: ['3', '4', '5'], cursor: '5' });
    expect(index.page({ owner: 'bob', jobId: null }, '', 9)).toEqual({ ids: ['2', '4'], cursor: '5' });
    expect(index.page({ owner: 'bob', jobId: A }, '', 9).ids).toEqual([]);
    index.remove('3');
    expect(index.page({ owner: null, jobId: A }, '1', 9)).toEqual({ ids: ['5'], cursor: '5' });
    expect(index.page(ALL, '5', 9)).toEqual({ ids: [], cursor: '5' });
  });

  it('keeps its order when most entries are gone', () => {
    const ids = Array.from({ length: 5000 }, (_, at) => String(at).padStart(4, '0'));
    const index = indexOf(...ids.map((id) => [id, A, 'x'] as const));
    for (const id of ids) if (Number(id) % 100 !== 0) index.remove(id);
    expect(index.page(ALL, '0150', 3)).toEqual({ ids: ['0200', '0300', '0400'], cursor: '0400' });
    expect(index.remove('0001')).toBe(false);
  });
});
