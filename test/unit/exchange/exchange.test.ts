import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { CacheRecord } from '../../../src/cache/record.ts';
import { type ContentId, newRecordId } from '../../../src/core/ids.ts';
import { ManualClock } from '../../../src/core/manual-clock.ts';
import { cutIntoPieces } from '../../../src/core/pieces.ts';
import { seededRandom } from '../../../src/core/random.ts';
import { RangeSet } from '../../../src/core/range-set.ts';
import { idByVersion } from '../../../src/exchange/content.ts';
import { Exchange } from '../../../src/exchange/exchange.ts';
import type { NodeEventBody } from '../../../src/observe/events.ts';
import { identityOf } from '../../../src/peer/identity.ts';
import type { SwarmPeer } from '../../../src/peer/swarm/swarm-port.ts';
import { writeBye } from '../../../src/plan/swarm/write-beat.ts';

const MIB = 1024 * 1024;
const newIdentity = () => identityOf(generateKeyPairSync('ed25519').privateKey);
const newPeer = (): SwarmPeer => ({ nodeId: newIdentity().nodeId, host: '127.0.0.1', contentPort: 1 });

/** An exchange without neighbours, of whose cache others were told. */
class Giver {
  readonly clock = new ManualClock();
  readonly events: NodeEventBody[] = [];
  readonly exchange = new Exchange({
    identity: newIdentity(),
    cache: { open: () => Promise.reject(new Error('nothing is read here')) },
    clock: this.clock,
    random: seededRandom(1),
    emit: (event) => void this.events.push(event),
  });

  /** A neighbour found a record of the cache; returns the content that it may ask for. */
  tell(name: string): ContentId {
    const url = `http://origin.test/${name}`;
    const version = { size: 2 * MIB, lastModifiedMs: null, etag: '"1"' };
    const ranges = RangeSet.of({ start: 0, end: 2 * MIB });
    const record: CacheRecord = {
      ...{ id: newRecordId(), url, version, ranges, pieceSize: MIB },
      ...{ state: 'valid', sha256: null, createdMs: 0, lastAccessMs: 0, bytes: 2 * MIB },
    };
    const pieces = cutIntoPieces(ranges, MIB).map((range) => ({ ...range, hash: randomBytes(32) }));
    this.exchange.told(record, pieces);
    return idByVersion(url, version);
  }

  hear(from: SwarmPeer, contentId: ContentId, kind: 'hello' | 'beat' | 'bye'): void {
    this.exchange.heard(from, contentId, { kind: 'beat', beat: { ...writeBye(), kind } });
  }

  get gives(): ContentId[] {
    return this.exchange.list().map(({ contentId }) => contentId);
  }
}

describe('an exchange that gives what lies in its cache', () => {
  it('wakes a content only for who asks to be a partner, and only one that others were told of', () => {
    const giver = new Giver();
    const contentId = giver.tell('file');
    giver.hear(newPeer(), contentId, 'beat');
    giver.hear(newPeer(), idByVersion('http://origin.test/other', { size: 1, lastModifiedMs: 1, etag: null }), 'hello');
    expect(giver.gives).toEqual([]);
    giver.hear(newPeer(), contentId, 'hello');
    expect(giver.gives).toEqual([contentId]);
  });

  it('lets nobody drive out by asking for more and more what others are fetching', () => {
    const giver = new Giver();
    const honest = newPeer();
    const hostile = newPeer();
    const wanted = giver.tell('wanted');
    giver.hear(honest, wanted, 'hello');
    const others = Array.from({ length: 31 }, (_, index) => giver.tell(`other-${index}`));
    for (let round = 0; round < 3; round++) for (const id of others) giver.hear(hostile, id, 'hello');
    for (let index = 0; index < 40; index++) giver.hear(hostile, giver.tell(`more-${index}`), 'hello');
    expect(giver.gives).toContain(wanted);
    expect(giver.gives.length).toBeLessThanOrEqual(32);
    // What nobody wants any more makes room.
    giver.hear(honest, wanted, 'bye');
    giver.hear(hostile, giver.tell('last'), 'hello');
    expect(giver.gives).not.toContain(wanted);
  });

  it('stays as long as it gives something, and leaves partners that take nothing', () => {
    const giver = new Giver();
    const contentId = giver.tell('file');
    const partner = newPeer();
    giver.hear(partner, contentId, 'hello');
    const pass = (minutes: number, isTaking: boolean) => {
      for (let seconds = 0; seconds < 60 * minutes; seconds++) {
        giver.clock.advance(1_000);
        giver.hear(partner, contentId, 'beat');
        if (isTaking && seconds % 60 === 0) giver.exchange.given(contentId, MIB);
      }
    };
    pass(25, true);
    expect(giver.gives).toEqual([contentId]);
    pass(11, false);
    expect(giver.gives).toEqual([]);
  });
});
