import { defineConfig } from 'vitest/config';

const exclude = ['**/node_modules/**', '**/dist/**', '.state/**'];

/** The tier of a test file is the word before `.test`; without one it is a unit test. */
const files = (tier: 'integration' | 'e2e' | 'proof') => ({ include: [`**/*.${tier}.test.ts`], exclude });

export default defineConfig({
  test: {
    projects: [
      {
        // Pure: no process, no port, only the packages.
        test: {
          name: 'unit',
          sequence: { groupOrder: 0 },
          include: ['**/*.test.{ts,tsx}'],
          exclude: [...exclude, '**/*.{integration,e2e,proof}.test.ts'],
          setupFiles: ['test/unit-setup.ts'],
          pool: 'threads',
        },
      },
      {
        // One program or server beside the test.
        test: {
          name: 'integration',
          sequence: { groupOrder: 1 },
          ...files('integration'),
          // A limit finds what hangs, not what is slow: several start programs, side by side on few cores.
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        // The running stack: one file at a time, so that memory and timing stay honest on two cores.
        test: {
          name: 'e2e',
          sequence: { groupOrder: 2 },
          ...files('e2e'),
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 180_000,
        },
      },
      {
        // Minutes each: run nightly, and when what they prove has changed.
        test: {
          name: 'proof',
          sequence: { groupOrder: 3 },
          ...files('proof'),
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
});
