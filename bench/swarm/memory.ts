import { writeFile } from 'node:fs/promises';

/** Forgets the peak of a process's resident memory (Linux: proc(5), clear_refs), so that the next reading is that of what comes. */
export async function resetPeakMemory(pid: number): Promise<void> {
  await writeFile(`/proc/${pid}/clear_refs`, '5');
}
