import { NearbitsError } from '../../src/core/errors.ts';

/** The code of the NearbitsError that `run` throws, or null when it throws nothing; everything else is thrown on. */
export function codeOf(run: () => unknown): string | null {
  return errorOf(run)?.code ?? null;
}

/** The NearbitsError that `run` throws, or null when it throws nothing; everything else is thrown on. */
export function errorOf(run: () => unknown): NearbitsError | null {
  try {
    run();
    return null;
  } catch (error) {
    if (error instanceof NearbitsError) return error;
    throw error;
  }
}
