import { defineConfig } from 'vitest/config';

const project = (name: string, extra: object = {}) => ({
  test: { name, include: [`test/${name}/**/*.test.ts`], ...extra },
});

export default defineConfig({
  test: {
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
