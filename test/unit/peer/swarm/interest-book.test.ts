import { describe, expect, it } from 'vitest';
import { type ContentId, parseContentId } from '../../../../src/core/ids.ts';
import { ManualClock } from '../../../../src/core/manual-clock.ts';
import { InterestBook } from '../../../../src/peer/swarm/interest-book.ts';
import { testNodeId } from '../../../support/node-ids.ts';

const contentOf = (index: number): ContentId => parseContentId(index.toString(16).padStart(64, '0'));
const FILE = contentOf(0);

function openBook() {
  const clock = new ManualClock();
  const book = new InterestBook({ clock });
  const who = (contentId = FILE) => book.of(contentId).map(({ nodeId }) => nodeId);
  return { clock, book, who };
}

describe('an interest book', () => {
  it('knows nobody at first', () => {
    expect(openBook().book.of(FILE)).toEqual([]);
  });

  it('tells who wants a content, the one heard last first, and how long ago each was heard', () => {
    const { clock, book } = openBook();
    book.note(FILE, testNodeId(1));
    clock.advance(1_000);
    book.note(FILE, testNodeId(2));
    book.note(contentOf(1), testNodeId(3));
    clock.advance(500);
    expect(book.of(FILE)).toEqual([
      { nodeId: testNodeId(2), ageMs: 500 },
      { nodeId: testNodeId(1), ageMs: 1_500 },
    ]);
    book.note(FILE, testNodeId(1));
    expect(book.of(FILE)[0]).toEqual({ nodeId: testNodeId(1), ageMs: 0 });
  });

  it('forgets a node that was silent for a minute', () => {
    const { clock, book, who } = openBook();
    book.note(FILE, testNodeId(1));
    clock.advance(30_000);
    book.note(FILE, testNodeId(2));
    clock.advance(29_999);
    expect(who()).toEqual([testNodeId(2), testNodeId(1)]);
    clock.advance(1);
    expect(who()).toEqual([testNodeId(2)]);
  });

  it('keeps the 64 nodes of a content that were heard last', () => {
    const { book, who } = openBook();
    for (let index = 0; index < 65; index++) book.note(FILE, testNodeId(index));
    expect(who()).toHaveLength(64);
    expect(who()).not.toContain(testNodeId(0));
    book.note(FILE, testNodeId(1));
    book.note(FILE, testNodeId(65));
    expect(who()).toContain(testNodeId(1));
    expect(who()).not.toContain(testNodeId(2));
  });

  it('keeps the 256 contents that were spoken of last', () => {
    const { book, who } = openBook();
    for (let index = 0; index < 256; index++) book.note(contentOf(index), testNodeId(index));
    book.note(FILE, testNodeId(0));
    book.note(contentOf(256), testNodeId(256));
    expect(who(FILE)).toEqual([testNodeId(0)]);
    expect(who(contentOf(1))).toEqual([]);
    expect(who(contentOf(2))).toEqual([testNodeId(2)]);
  });

  it('remembers one node for 32 contents at most, until it was silent about some of them', () => {
    const { clock, book, who } = openBook();
    for (let index = 0; index < 40; index++) book.note(contentOf(index), testNodeId(1));
    expect(who(contentOf(31))).toEqual([testNodeId(1)]);
    expect(who(contentOf(32))).toEqual([]);
    clock.advance(40_000);
    book.note(FILE, testNodeId(1));
    expect(book.of(FILE)).toEqual([{ nodeId: testNodeId(1), ageMs: 0 }]);
    clock.advance(20_000);
    book.note(contentOf(32), testNodeId(1));
    expect([who(), who(contentOf(32))]).toEqual([[testNodeId(1)], [testNodeId(1)]]);
  });

  it('lets a node in again after others pushed it out', () => {
    const { book, who } = openBook();
    for (let index = 0; index < 32; index++) book.note(contentOf(index), testNodeId(1));
    for (let index = 0; index < 256; index++) book.note(contentOf(1_000 + index), testNodeId(100 + index));
    book.note(contentOf(500), testNodeId(1));
    expect(who(contentOf(500))).toEqual([testNodeId(1)]);
  });
});
