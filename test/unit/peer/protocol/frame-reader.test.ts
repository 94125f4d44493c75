import { expect, test } from 'vitest';
import { FrameReader } from '../../../../src/peer/protocol/frame-reader.ts';
import { frame } from '../../../../src/peer/protocol/frames.ts';

const MAX = 300;
const read = (reader: FrameReader, chunk: Uint8Array) =>
  [...reader.add(chunk)].map((message) => Buffer.from(message).toString());

test('messages come out as they went in, however the stream was cut', () => {
  const messages = ['', 'a', 'b'.repeat(127), 'c'.repeat(128), '', 'd'.repeat(MAX), 'e'];
  const bytes = Buffer.concat(messages.map((text) => frame(Buffer.from(text))));
  for (const size of [1, 2, 3, 100, 129, 1_000]) {
    const reader = new FrameReader(MAX);
    const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
      bytes.subarray(at * size, (at + 1) * size),
    );
    expect(chunks.flatMap((chunk) => read(reader, chunk))).toEqual(messages);
  }
});

test('a length that is not allowed is refused as soon as it is known', () => {
  const tooLong = frame(Buffer.alloc(MAX + 1)).subarray(0, 2);
  expect(() => read(new FrameReader(MAX), tooLong)).toThrow(expect.objectContaining({ code: 'E_PEER_PROTOCOL' }));
  expect(() => read(new FrameReader(MAX), Uint8Array.of(0x80, 0x80, 0x80))).toThrow(/far too long/);
});

test('what came before a wrong length is read', () => {
  const heard: Uint8Array[] = [];
  const chunk = Buffer.concat([frame(Buffer.from('a')), Uint8Array.of(0xff, 0xff, 0xff)]);
  expect(() => {
    for (const message of new FrameReader(MAX).add(chunk)) heard.push(message);
  }).toThrow(/far too long/);
  expect(heard).toHaveLength(1);
});
