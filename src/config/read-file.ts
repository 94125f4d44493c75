import { open } from 'node:fs/promises';
import { isMap, isScalar, LineCounter, type Node, parseDocument } from 'yaml';
import { systemErrorCode } from '../core/errors.ts';
import { type ConfigLayer, emptyLayer, type LineOf, layerFromTree } from './layer.ts';

/** A configuration is a few kilobytes; whatever is larger is something else. */
const MAX_FILE_BYTES = 256 * 1024;

/** Reads one configuration file. A missing file says nothing; everything else that is wrong is told as a problem. */
export async function readConfigFile(file: string): Promise<ConfigLayer> {
  try {
    const text = await readBounded(file);
    if (text === null) return broken(file, null, `the file is larger than ${MAX_FILE_BYTES / 1024} KiB`);
    return parseConfigText(text, file);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return emptyLayer(file);
    return broken(file, null, `the file cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Reads the text of a configuration file; `file` is only its name in messages. */
export function parseConfigText(text: string, file: string): ConfigLayer {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, schema: 'core', prettyErrors: false, logLevel: 'silent' });
  if (document.errors.length > 0) {
    const problems = document.errors.flatMap(
      (error) => broken(file, lines.linePos(error.pos[0]).line, error.message).problems,
    );
    return { ...emptyLayer(file), exists: true, problems };
  }
  const lineOf: LineOf = (path) => {
    const offset = keyOffset(document.contents, path);
    return offset === null ? null : lines.linePos(offset).line;
  };
  try {
    // Aliases may repeat a value a few times, never so often that a small file becomes a large tree.
    return layerFromTree(document.toJS({ maxAliasCount: 20 }), file, lineOf);
  } catch (error) {
    return broken(file, null, error instanceof Error ? error.message : String(error));
  }
}

/** The text, or null when the file is too large. */
async function readBounded(file: string): Promise<string | null> {
  const handle = await open(file);
  try {
    const buffer = Buffer.alloc(MAX_FILE_BYTES + 1);
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0);
    return bytesRead > MAX_FILE_BYTES ? null : buffer.toString('utf8', 0, bytesRead);
  } finally {
    await handle.close();
  }
}

function broken(file: string, line: number | null, message: string): ConfigLayer {
  const problem = { file, line, key: null, value: null, message, allowed: null };
  return { ...emptyLayer(file), exists: true, problems: [problem] };
}

/** Where the last name of the path stands in the text. */
function keyOffset(root: Node | null, path: readonly string[]): number | null {
  let node: unknown = root;
  let offset: number | null = null;
  for (const name of path) {
    if (!isMap(node)) return offset;
    const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === name);
    if (pair === undefined) return offset;
    offset = isScalar(pair.key) ? (pair.key.range?.[0] ?? offset) : offset;
    node = pair.value;
  }
  return offset;
}
