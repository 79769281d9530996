/**
 * What a run of tests came to, for the table at its end: one JSON object in the file that TIER_REPORT names. Seconds are those of a file's
 * imports, hooks and tests.
 */
import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';

/**
 * @typedef {{ file: string, passed: number, failed: number, skipped: number, seconds: number }} FileResult
 * @typedef {{ files: FileResult[], errors: number }} TierReport `errors`: what went wrong outside a test
 */

export default class TierReporter {
  /**
   * @param {readonly import('vitest/node').TestModule[]} modules
   * @param {readonly unknown[]} errors
   */
  onTestRunEnd(modules, errors) {
    const files = modules.map((module) => {
      const counts = { passed: 0, failed: 0, skipped: 0 };
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state !== 'pending') counts[state]++;
      }
      // A hook or an import that failed leaves its tests without a result.
      if (module.state() === 'failed' && counts.failed === 0) counts.failed = 1;
      const { collectDuration, setupDuration, duration } = module.diagnostic();
      const seconds = Math.round(collectDuration + setupDuration + duration) / 1000;
      return { file: relative(process.cwd(), module.moduleId), ...counts, seconds };
    });
    const path = process.env.TIER_REPORT;
    if (path) writeFileSync(path, JSON.stringify({ files, errors: errors.length }));
  }
}
