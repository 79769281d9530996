/** The tables of README.md: what leaves a process, from the same lists that decide it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LIMITS } from '@clinic/catalogue/limits';
import { type Signal, signals } from '@clinic/catalogue/signals';
import { HTTP_METHODS, RATINGS, SQL_OPERATIONS, WEB_VITALS } from '@clinic/catalogue/vocabulary';
import { withSection } from '../bench/marked-section.ts';
import { costSection, type NodeResult, table } from '../bench/report.ts';
import { allowList } from './src/node/attributes.ts';

/** What the library itself makes; other signals of the catalogue are the services' own. */
const OF_THE_LIBRARY = [
  'httpServerRequestDuration',
  'operationDuration',
  'databaseConnections',
  'webVital',
  'webVitalLayoutShift',
  'browserErrors',
  'browserBatches',
  'browserItems',
  'telemetryItems',
  'telemetryQueue',
] as const satisfies readonly (keyof typeof signals)[];

/** What an attribute of a span may be. */
const ATTRIBUTES: Readonly<Record<string, string>> = {
  'http.request.method': HTTP_METHODS.join(', '),
  'http.route': 'a declared template, or `unknown`',
  'http.response.status_code': '100 to 599',
  'db.system.name': 'a listed database',
  'db.operation.name': SQL_OPERATIONS.join(', '),
  'db.collection.name': 'a declared table',
  'db.response.status_code': 'an SQLSTATE',
  'error.type': 'a listed class or system error, an SQLSTATE, or a status of 400 or more',
  slow: 'true',
  'user_agent.synthetic.type': '`test`, of a request that says `x-synthetic: 1`',
  'server.address': 'a declared host, or `other`',
  'express.type': 'a part of an Express app (profile `full`)',
};

const code = (text: string) => `\`${text}\``;

function collected(): string {
  const keys = [...allowList({ routes: [], tables: [], hosts: [] }).keys()];
  const unknown = keys.filter((key) => ATTRIBUTES[key] === undefined);
  const gone = Object.keys(ATTRIBUTES).filter((key) => !keys.includes(key));
  if (unknown.length + gone.length > 0) {
    throw new Error(`instrumentation/collected.ts must describe ${unknown} and not ${gone}, as attributes.ts says`);
  }
  const limits = Object.entries(LIMITS).map(([metric, ms]) => `\`${metric}\` over ${ms} ms`);
  return `**Metrics** (Prometheus, with exemplars on the two durations), and what prom-client says about a Node process:

${table(
  ['metric', 'unit', 'labels', ''],
  OF_THE_LIBRARY.map((key) => {
    const { name, unit, labels, help }: Signal = signals[key];
    return [code(name), unit, labels.map(code).join(', '), help];
  }),
)}

**Spans**: \`METHOD /route\` of a request served or sent, \`OPERATION table\` of a query, \`page_load\` and calls of the browser. Ids, start, end, whether it failed, and:

${table(
  ['attribute', 'value'],
  keys.map((key) => [code(key), ATTRIBUTES[key]!]),
)}

**Slow events**, each once: ${limits.join(', ')}, any other declared name over 1000 ms: metric, duration, limit, route template, a random id, trace id.

**From the browser**: durations of declared names, web vitals (${WEB_VITALS.join(', ')}; ${RATINGS.join(', ')}), calls to declared routes of its own origin, classes of errors with a hash of where they were thrown, by page template.`;
}

/** README.md with its tables written anew. `root` is the repository's. */
export function readme(root: string): string {
  const text = readFileSync(join(root, 'instrumentation/README.md'), 'utf8');
  const result = JSON.parse(readFileSync(join(root, 'bench/results/node.json'), 'utf8')) as NodeResult;
  return withSection(withSection(text, 'collected', collected()), 'cost', costSection(result));
}
