import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { generatedDocs } from '../../../docs/generate.ts';
import { CONFIG_KEYS } from '../../../src/config/key-list.ts';

describe('generated documents', () => {
  it.each([...generatedDocs().keys()])('docs/%s follows from the schema', async (name) => {
    const path = new URL(`../../../docs/${name}`, import.meta.url);
    expect(await readFile(path, 'utf8')).toBe(generatedDocs().get(name));
  });

  it.each(CONFIG_KEYS.map((key) => [key.name, key] as const))('%s says what it is and what is allowed', (_, key) => {
    expect(key.description).toMatch(/^[A-Z].{10,}\.$/s);
    expect(key.allowed).not.toBe('undefined');
    expect(key.default).not.toBeUndefined();
  });
});
