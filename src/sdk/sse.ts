import { NearbitsError } from '../core/errors.ts';

/** One server-sent event. */
export interface SseMessage {
  readonly event: string;
  readonly data: string;
}

/** A longer line is not from a node. */
const MAX_LINE_LENGTH = 2 ** 20;

/** Reads the text/event-stream format (WHATWG HTML, section 9.2.6) as far as a node writes it: `event`, `data`, comments. */
export async function* readSse(body: AsyncIterable<Uint8Array>): AsyncGenerator<SseMessage> {
  let event = 'message';
  let data: string[] = [];
  for await (const line of readLines(body)) {
    if (line === '') {
      if (data.length > 0) yield { event, data: data.join('\n') };
      event = 'message';
      data = [];
      continue;
    }
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') event = value;
    if (field === 'data') data.push(value);
  }
}

async function* readLines(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split(/\r\n|\n/);
    rest = lines.pop() ?? '';
    if (rest.length > MAX_LINE_LENGTH) throw new NearbitsError('E_INTERNAL', 'a line of the event stream is too long');
    yield* lines;
  }
}
