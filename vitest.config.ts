import { defineConfig } from 'vitest/config';

/** Tests that need MongoDB and Temporal, tests that start whole processes, and what only `npm run test:long` runs. */
const serverTests = [
  'test/{store/mongo,activities,workflows,api,serving,trainers}/**/*.test.ts',
  'test/conformance/online.test.ts',
];
const processTests = ['test/{e2e,cli/commands,cli/supervisor}/**/*.test.ts'];
const longTests = ['test/long/**/*.test.ts'];
const engines = ['test/support/engines-setup.ts'];

export default defineConfig({
  test: {
    pool: 'forks',
    // Vitest would leave one processor idle, of two.
    maxWorkers: '100%',
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [...serverTests, ...processTests, ...longTests],
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
      {
        extends: true,
        test: {
          name: 'long',
          include: longTests,
          globalSetup: engines,
          fileParallelism: false,
          testTimeout: 1_800_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
