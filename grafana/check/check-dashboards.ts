/** `npm run check:dashboards`: every query of every dashboard against the running stack, and what can be told without it. */
import { read, UsageError } from '../../stack/commands.mjs';
import { findingText, panelsOf, readDashboards } from './dashboard.ts';
import { queryFindings } from './queries.ts';
import { structureFindings } from './structure.ts';

try {
  const { values } = read('check:dashboards', process.argv.slice(2));
  for (const key of ['prometheus', 'tempo'] as const)
    if (!URL.canParse(values[key]))
      throw new UsageError('check:dashboards', `--${key} takes an address such as http://127.0.0.1:9090.`);
  const dashboards = readDashboards(values.dashboards);
  const structure = structureFindings(dashboards);
  const { findings, queries, empty } = await queryFindings(dashboards, {
    ...values,
    onProgress: ({ done, of, name }) => {
      if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${done}/${of} ${name}`);
    },
  });
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  const all = [...structure, ...findings];
  for (const finding of all) console.error(`${findingText(finding)}\n`);
  const panels = dashboards.reduce((sum, dashboard) => sum + panelsOf(dashboard).length, 0);
  console.log(
    `${dashboards.length} dashboards, ${panels} panels, ${queries} queries: ${all.length === 0 ? 'all is well' : `${all.length} found wrong`}. ${empty.length} are empty, as their panels say they may be.`,
  );
  if (all.length > 0) process.exitCode = 1;
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
