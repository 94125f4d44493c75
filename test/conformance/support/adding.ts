import { expect } from 'vitest';
import { codeOf, type FileInput } from './job-api.ts';
import type { JobBench } from './job-bench.ts';

/** The code with which a file that differs from a good one is taken or refused. */
export async function adding(bench: JobBench, change: Partial<FileInput>): Promise<string> {
  const { id } = await bench.admin.create();
  const code = await codeOf(bench.admin.addFiles(id, { ...bench.file().add, ...change } as FileInput));
  expect((await bench.admin.get(id)).files.total).toBe(code === 'S_OK' ? 1 : 0);
  return code;
}
