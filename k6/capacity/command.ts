import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { withSection } from '../../bench/marked-section.ts';
import { seededRandom } from '../../services/traffic/src/random.ts';
import { exitCodeOf, read, UsageError } from '../../stack/commands.mjs';
import { type Clinic, startClinic } from '../gate/clinic.ts';
import { machineClass } from '../gate/machine.ts';
import { prepareTree, WORKING_TREE } from '../gate/tree.ts';
import { machine } from '../machine.ts';
import { inputs } from './inputs.ts';
import { costliest, gather, type Measured, measureStep } from './measure.ts';
import { picture } from './picture.ts';
import { type Bottleneck, PLANTS } from './plants.ts';
import { bottleneck, capacitySection, type Run, throughput } from './report.ts';
import { disturbance, RESOURCES } from './resource.ts';
import { fitSteps } from './scalability.ts';

const root = resolve(import.meta.dirname, '../..');
const log = (line: string) => console.error(`${new Date().toISOString().slice(11, 19)} ${line}`);
const CLIENTS = 2000;
const PROOF = { seconds: 8, steps: [1, 4, 16, 48] } as const;

// What is in the temporary folder goes with the process.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(2));

function plan() {
  const { values } = read('perf:capacity', process.argv.slice(2));
  const steps = values.steps.split(',').map((text) => {
    if (!/^[1-9]\d{0,4}$/.test(text)) throw new UsageError('perf:capacity', '--steps must be whole numbers.');
    return Number(text);
  });
  if (steps.length < 4) throw new UsageError('perf:capacity', '--steps needs at least four.');
  const offset = values['port-offset'];
  return {
    ...values,
    steps: steps.toSorted((a, b) => a - b),
    seconds: Math.max(4, Number(values.seconds)),
    portOffset: offset === undefined ? undefined : Number(offset),
  };
}

interface Plan {
  readonly steps: readonly number[];
  readonly seconds: number;
  readonly portOffset: number | undefined;
}

async function measure(clinic: Clinic, { steps, seconds }: Plan): Promise<Measured[]> {
  const crowd = gather(clinic);
  try {
    // Compiled code and warm pages, before anything counts.
    await measureStep(crowd, 2, 4);
    await clinic.database.query('SELECT pg_stat_statements_reset()');
    const measured: Measured[] = [];
    for (const users of steps) {
      const step = await measureStep(crowd, users, seconds);
      log(`${users} under way: ${throughput(step).toFixed(0)} requests a second, p95 ${step.p95.toFixed(0)} ms`);
      measured.push(step);
    }
    return measured;
  } finally {
    for (const visitor of crowd.visitors) visitor.close();
  }
}

/** Steps of a clinic, as it is or with a bottleneck planted. */
async function load(plan: Plan, plant?: Bottleneck): Promise<{ steps: Measured[]; costliest: string }> {
  const tree = await prepareTree({ root, reference: WORKING_TREE, plants: plant?.files ?? [], pages: false, log });
  try {
    const clinic = await startClinic({
      tree,
      clients: plant?.clients ?? CLIENTS,
      portOffset: plan.portOffset,
      // Writing down every request would be part of the load.
      environment: { TRACE_SAMPLE_RATIO: '0.01' },
    });
    try {
      for (const statement of plant?.sql ?? []) await clinic.database.query(statement);
      return { steps: await measure(clinic, plan), costliest: await costliest(clinic) };
    } finally {
      await clinic.stop();
    }
  } finally {
    tree.remove();
  }
}

async function prove(plan: Plan): Promise<number> {
  let holds = true;
  for (const plant of PLANTS) {
    log(plant.name);
    const { steps, costliest } = await load({ ...plan, ...PROOF }, plant);
    const { resource, why } = bottleneck(steps);
    const right = resource === plant.resource;
    holds &&= right;
    const disturbed = Math.max(0, ...steps.flatMap(({ usage }) => disturbance(usage) ?? []));
    console.log(`${right ? 'named ' : 'MISSED'}  ${plant.name}: ${resource ? RESOURCES[resource] : 'nothing'}: ${why}`);
    console.log(`        the database: ${costliest}`);
    if (disturbed > 0) console.log(`        others used ${(disturbed * 100).toFixed(0)} % of the machine`);
  }
  return holds ? 0 : 1;
}

async function run(): Promise<number> {
  const values = plan();
  if (values.prove) return prove(values);
  const given = inputs.parse(JSON.parse(readFileSync(join(import.meta.dirname, 'inputs.json'), 'utf8')));
  const { steps, costliest } = await load(values);
  const fitted = fitSteps(
    steps.map(({ usage, throughputs }) => ({ users: usage.users, throughputs })),
    seededRandom(1),
  );
  const made: Run = {
    at: new Date().toISOString(),
    machine: machineClass(),
    commit: machine().commit,
    seconds: values.seconds,
    clients: CLIENTS,
    steps,
    costliest,
  };
  const section = capacitySection(made, fitted, given);
  console.log(section);
  if (values.write !== 'no') {
    const path = join(root, 'docs/capacity.md');
    writeFileSync(path, withSection(readFileSync(path, 'utf8'), 'capacity', section));
    mkdirSync(join(root, 'docs/pictures'), { recursive: true });
    const points = steps.map((step) => ({ users: step.usage.users, throughput: throughput(step), p95: step.p95 }));
    writeFileSync(join(root, 'docs/pictures/capacity.svg'), picture({ points, fitted, slo: given.slo.p95_ms }));
  }
  return fitted.most ? 0 : 3;
}

process.exitCode = await exitCodeOf(run).catch((error: unknown) => {
  console.error(error);
  return 2;
});
