import { defineConfig } from 'vitest/config';

/** Tests that need MongoDB and Temporal, and tests that start whole processes; everything else needs nothing. */
const serverTests = ['test/{store/mongo,activities,workflows,api,serving}/**/*.test.ts'];
const processTests = ['test/{e2e,cli}/**/*.test.ts'];
const engines = ['test/support/engines-setup.ts'];

export default defineConfig({
  test: {
    pool: 'forks',
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [...serverTests, ...processTests],
          testTimeout: 20_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'server',
          include: serverTests,
          globalSetup: engines,
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: processTests,
          globalSetup: engines,
          fileParallelism: false,
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
