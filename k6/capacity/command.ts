import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { withSection } from '../../bench/marked-section.ts';
import { seededRandom } from '../../services/traffic/src/random.ts';
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

const USAGE = `Usage: npm run capacity -- [--seconds 30] [--steps 1,2,4,8,16,32,64,128] [--prove]

Loads the clinic of the working tree with more and more requests at once, until it gives no more, and writes docs/capacity.md.

  --seconds N     of each step; default 30
  --steps LIST    requests under way; at least four
  --write no      prints, and leaves docs/capacity.md as it is
  --prove         plants three bottlenecks in copies of the clinic, and checks that each is named
  --port-offset N default: free ports

Ends with 0: a maximum was found (or the proof holds); 1: the proof does not hold; 2: wrong command line, an error, or stopped; 3: the
load did not pass the knee, so that no maximum is given.`;

const root = resolve(import.meta.dirname, '../..');
const log = (line: string) => console.error(`${new Date().toISOString().slice(11, 19)} ${line}`);
const CLIENTS = 2000;
const STEPS = '1,2,4,8,16,32,64,128';
const PROOF = { seconds: 8, steps: [1, 4, 16, 48] } as const;

// What is in the temporary folder goes with the process.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(2));

class WrongUsage extends Error {
  override readonly name = 'WrongUsage';
}

function read() {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '30' },
      steps: { type: 'string', default: STEPS },
      write: { type: 'string', default: 'yes' },
      prove: { type: 'boolean', default: false },
      'port-offset': { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const number = (name: string, text: string) => {
    if (!/^[1-9]\d{0,4}$/.test(text)) throw new WrongUsage(`--${name} must be a whole number.`);
    return Number(text);
  };
  const steps = values.steps.split(',').map((text) => number('steps', text));
  if (steps.length < 4) throw new WrongUsage('--steps needs at least four.');
  const offset = values['port-offset'];
  return {
    ...values,
    steps: steps.toSorted((a, b) => a - b),
    seconds: Math.max(4, number('seconds', values.seconds)),
    portOffset: offset === undefined ? undefined : number('port-offset', offset),
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
  const values = read();
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
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

process.exitCode = await run().catch((error: unknown) => {
  const usage = error instanceof WrongUsage || (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS');
  console.error(usage ? `${(error as Error).message}\n\n${USAGE}` : error);
  return 2;
});
