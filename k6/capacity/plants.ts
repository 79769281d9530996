import type { Plant } from '../gate/tree.ts';
import type { Resource } from './resource.ts';

/** A bottleneck, put into a temporary copy of the clinic. */
export interface Bottleneck {
  readonly name: string;
  /** Synthetic clients: a table has to be large before its index is missed. */
  readonly clients: number;
  readonly files: readonly Plant[];
  /** For the copy's own database. */
  readonly sql: readonly string[];
  readonly resource: Resource;
}

export const PLANTS: readonly Bottleneck[] = [
  {
    name: 'a pool of two connections',
    clients: 2000,
    files: [
      {
        name: 'a pool of two',
        file: 'services/clinic-api/src/database.ts',
        find: '  max = 10,\n',
        replace: '  max = 2,\n',
      },
    ],
    sql: [],
    resource: 'pool',
  },
  {
    name: 'a missing index',
    clients: 10_000,
    files: [],
    sql: ['DROP INDEX appointments_client'],
    resource: 'database_cpu',
  },
  {
    name: 'a route that computes',
    clients: 2000,
    files: [
      {
        name: 'a route that computes',
        file: 'services/clinic-api/src/clients.ts',
        find: "    if (!client) throw new Problem('client_unknown');\n",
        replace: `    if (!client) throw new Problem('client_unknown');
    for (const until = performance.now() + 20; performance.now() < until; );
`,
      },
    ],
    sql: [],
    resource: 'event_loop',
  },
];
