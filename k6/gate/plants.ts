import type { Plant } from './tree.ts';

/** One more query for each appointment of a chart. */
export const ONE_MORE_QUERY_PER_ROW: Plant = {
  name: 'one more query per row',
  file: 'services/clinic-api/src/clients.ts',
  find: "    if (!client) throw new Problem('client_unknown');\n",
  replace: `    if (!client) throw new Problem('client_unknown');
    for (const { clinician_id } of appointments) await query('SELECT name FROM users WHERE id = $1', [clinician_id]);
`,
};

/** The chart takes a quarter longer, from the first line of its handler to its answer. */
export const SLOWER_CHART: Plant = {
  name: 'a chart slower by a quarter',
  file: 'services/clinic-api/src/route.ts',
  find: '        if (problem) sendProblem(response, problem);\n',
  replace: `        if (path === '/api/clients/:id') {
          const until = performance.now() + 0.25 * (performance.now() - Number(response.locals.began));
          while (performance.now() < until);
        }
        if (problem) sendProblem(response, problem);
`,
};

/** When a request began, for {@link SLOWER_CHART}. */
export const REQUEST_BEGAN: Plant = {
  name: 'a clock',
  file: 'services/clinic-api/src/app.ts',
  find: '  app.use(telemetry.middleware, secure);\n',
  replace: `  app.use((_req, res, next) => {
    res.locals.began = performance.now();
    next();
  });
  app.use(telemetry.middleware, secure);
`,
};

/** The seed of another clinic. */
export const ANOTHER_SEED: Plant = {
  name: 'another seed',
  file: 'services/clinic-api/src/seed.ts',
  find: 'const APPOINTMENTS_PER_CLIENT = 20;',
  replace: 'const APPOINTMENTS_PER_CLIENT = 21;',
};

/** The load asks for something else. */
export const ANOTHER_SCRIPT: Plant = {
  name: 'another script',
  file: 'k6/gate/workload.ts',
  find: "path: '/api/documents'",
  replace: "path: '/api/documents?page=2'",
};
