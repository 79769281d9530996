import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          sequence: { groupOrder: 0 },
          include: ['**/*.test.ts', '**/*.test.tsx'],
          exclude: ['**/node_modules/**', '**/dist/**', 'test/**'],
          // Many start programs, side by side on few cores: a limit finds what hangs, not what is slow.
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        // Real servers on loopback: one file at a time, so that memory and timing stay honest on two cores.
        test: {
          name: 'stack',
          // After the unit tests: what they measure should not be the load of others.
          sequence: { groupOrder: 1 },
          include: ['test/**/*.test.ts'],
          exclude: ['test/docker/**'],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 180_000,
        },
      },
      {
        // The shipped docker-compose.yml in containers, on its own ports.
        test: {
          name: 'docker',
          sequence: { groupOrder: 2 },
          include: ['test/docker/**/*.test.ts'],
          fileParallelism: false,
        },
      },
    ],
  },
});
