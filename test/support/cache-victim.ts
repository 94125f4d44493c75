import { createHash } from 'node:crypto';
import { writeSync } from 'node:fs';
import { CacheFixture, testFile, WIDE } from './cache-fixture.ts';

/**
 * A process that fills the cache in the directory of its first argument, up to the bytes of its
 * second one, until it is killed. Tells on standard output, each on a line and before it goes on:
 * `ready`, `admitted ID SHA256` of the bytes held, and `removing ID` before it removes.
 */
const [dir, maxBytes] = process.argv.slice(2);
const fixture = new CacheFixture(dir as string);
fixture.limits = { ...WIDE, maxBytes: Number(maxBytes) };
const cache = await fixture.open();
const tell = (line: string): void => void writeSync(1, `${line}\n`);
tell('ready');
for (let round = 0; ; round++) {
  const size = 1 + Math.floor(Math.random() * 300_000);
  const file = testFile(size, `http://origin.test/${process.pid}/${round}`);
  const half = Math.floor(size / 2);
  const ranges = round % 3 === 0 && half > 0 ? [{ start: 0, end: half }] : [{ start: 0, end: size }];
  const { id } = await fixture.admit(file, { ranges, pieceSize: 65_536, state: round % 2 === 0 ? 'valid' : 'unknown' });
  const held = file.bytes.subarray(0, ranges[0]?.end);
  tell(`admitted ${id} ${createHash('sha256').update(held).digest('hex')}`);
  if (round % 5 !== 4 || cache.get(id) === null) continue;
  tell(`removing ${id}`);
  await cache.remove(id);
}
