import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

const project = (name: string, extra: object = {}) => ({
  test: { name, include: [`test/${name}/**/*.test.ts`], ...extra },
});

export default defineConfig({
  test: {
    // Most tests wait for processes and sockets, not for a processor.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    reporters: ['default', './test/conformance/support/row-reporter.ts'],
    projects: [
      project('unit'),
      project('property'),
      project('contract'),
      project('integration', { testTimeout: 60_000, hookTimeout: 60_000 }),
      project('conformance', { testTimeout: 60_000, hookTimeout: 60_000 }),
      project('containers', {
        testTimeout: 180_000,
        hookTimeout: 300_000,
        fileParallelism: false,
        globalSetup: ['test/containers/support/global-setup.ts'],
        env: { TESTCONTAINERS_RYUK_DISABLED: 'true' },
      }),
    ],
  },
});
