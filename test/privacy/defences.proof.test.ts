/**
 * Each defence is taken away in a copy of the tree, and the search must then find what it kept in: at the very place that it
 * guards. `PRIVACY_MUTANTS=each npm run test:proof -- privacy-mutants` takes each away by itself, also each statement of the Collector;
 * without that, the clinic loses those of a group at a time, the pages all of theirs, and the Collector a whole stage.
 */
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openBrowser } from '../../stack/browser.ts';
import { ensureWeb } from '../../stack/web-build.mjs';
import { BEFORE_SIGN_OUT, BrowserDrive } from './browser-drive.ts';
import { BROWSER_DEFENCES, type Defence, NODE_DEFENCES } from './defences.ts';
import { Outlets } from './outlets.ts';
import { Planted } from './places.ts';
import { PrivacyStack } from './privacy-stack.ts';
import type { ServerDrive } from './server-drive.ts';
import type { Patch } from './tree-copy.ts';

const EACH = process.env.PRIVACY_MUTANTS === 'each';

let under: PrivacyStack;
beforeAll(async () => {
  under = await PrivacyStack.start({ services: ['clinic-api', 'mailbox'], whole: false });
  await under.drive(new Planted()).people();
});
afterAll(() => under?.stop());

/** Resolves when the clinic runs from the tree as it is now. */
async function restart(patches: readonly Patch[] = []): Promise<void> {
  under.tree.restore();
  for (const patch of patches) under.tree.apply(patch);
  await under.stack.stopService('clinic-api');
  under.forget();
  await under.stack.startService('clinic-api');
}

/** Drives everything that can be driven again and again, and searches what left the clinic. */
async function searched(more?: (drive: ServerDrive) => Promise<void>): Promise<Outlets> {
  const planted = new Planted();
  const outlets = new Outlets(planted);
  const drive = under.drive(planted);
  const token = await drive.signIn('clinician');
  await drive.requests();
  await drive.bodies(token);
  await drive.charts(token);
  await drive.faults();
  await drive.telemetry();
  await under.delivered();
  await outlets.metrics({ 'clinic-api': `http://127.0.0.1:${under.stack.port(9464)}/metrics` });
  await more?.(drive);
  outlets.taps(under);
  under.newLogs((name, bytes) => outlets.search(`log of ${name}`, bytes));
  for (const { headers, text } of drive.refusals) outlets.search('answer to a request that failed', headers + text);
  return outlets;
}

const expected = ({ leaks }: Pick<Defence, 'leaks'>) => leaks.map(({ outlet, place }) => `${outlet}: ${place}`);

/** Each crash is one of the five within a minute after which a run is given up. */
const crashes = (drive: ServerDrive) => {
  let process = under.stack.pid('clinic-api');
  return drive.crashes(async () => {
    await under.clinicUp(process);
    process = under.stack.pid('clinic-api');
  });
};

describe('in the process of the clinic', () => {
  test('with every defence nothing is found', async () => {
    await restart();
    expect((await searched()).found).toEqual([]);
  });

  test("nor with OpenTelemetry's own instrumentations", async () => {
    await restart([
      {
        file: 'services/clinic-api/src/telemetry.ts',
        from: "service: 'clinic-api',",
        to: "service: 'clinic-api',\n  profile: 'full',",
      },
    ]);
    const outlets = await searched();
    expect(under.taps.otlp.sent.toString()).toContain('request_handler');
    expect(outlets.found).toEqual([]);
  });

  /** What is found without these defences. */
  async function foundWithout(defences: readonly Defence[]): Promise<string[]> {
    await restart(defences.flatMap(({ without }) => without));
    const crash = defences.some(({ leaks }) => leaks.some(({ place }) => place === 'uncaught error'));
    return (await searched(crash ? crashes : undefined)).found;
  }

  if (EACH) {
    test.each(NODE_DEFENCES.flatMap((group) => group.map((defence) => ({ defence, name: defence.name, group }))))(
      '$name',
      async ({ defence, group }) => {
        const found = await foundWithout([defence]);
        expect(found).toEqual(expect.arrayContaining(expected(defence)));
        // Or its group could not tell whose it is.
        const ofOthers = group.filter((other) => other !== defence).flatMap(expected);
        expect(found.filter((each) => ofOthers.includes(each))).toEqual([]);
      },
    );
  } else {
    describe.each(NODE_DEFENCES.map((group) => ({ group, size: group.length })))(
      'without $size of them',
      ({ group }) => {
        let found: readonly string[];
        beforeAll(async () => {
          found = await foundWithout(group);
        });
        test.each(group)('$name', (defence) => {
          expect(found).toEqual(expect.arrayContaining(expected(defence)));
        });
      },
    );
  }

  test("PostgreSQL's log does not tell of errors", async () => {
    const { query } = under;
    await query('ALTER ROLE clinic_app SET log_min_messages = warning');
    try {
      await restart();
      expect((await searched()).found).toEqual(
        expect.arrayContaining([
          'log of postgres: database error: message',
          'log of postgres: SQL: value that is no number',
        ]),
      );
    } finally {
      await query('ALTER ROLE clinic_app RESET log_min_messages');
    }
  });
});

describe('in the pages', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser?.close());
  afterEach(() => under.tree.restore());

  async function without(patches: readonly Patch[]) {
    under.tree.restore();
    for (const patch of patches) under.tree.apply(patch);
    await under.stack.stopService('clinic-api');
    // The drive types a wrong password each time, and would be locked out.
    await under.query('DELETE FROM sign_in_attempts');
    await ensureWeb(under.tree.root, { node: process.execPath, log: () => {} });
    under.forget();
    await under.stack.startService('clinic-api');
    const planted = new Planted();
    const outlets = new Outlets(planted);
    const pages = await BrowserDrive.open({
      browser,
      planted,
      tap: under.taps.clinic,
      password: under.password,
    });
    try {
      await pages.signIn();
      await pages.readCharts();
      await pages.elements();
      await pages.errors();
      await pages.measures();
      await pages.calls();
      const batches = () => under.taps.clinic.exchanges.filter(({ url }) => url === '/telemetry').length;
      await pages.sent(batches);
      await pages.offline();
      const { left } = await pages.signOut();
      await pages.sent(batches);
      outlets.taps(under);
      return { outlets, left };
    } finally {
      await pages.close();
    }
  }

  if (EACH) {
    test.each(BROWSER_DEFENCES)('$name', async (defence) => {
      const { outlets } = await without(defence.without);
      expect(outlets.found).toEqual(expect.arrayContaining(expected(defence)));
    });
  } else {
    test('without any of their defences, what each kept in is found', async () => {
      const { outlets } = await without(BROWSER_DEFENCES.flatMap((defence) => defence.without));
      expect(outlets.found).toEqual(expect.arrayContaining(BROWSER_DEFENCES.flatMap(expected)));
    });
  }

  test('signing out forgets what waits', async () => {
    const forgets = { file: 'services/clinic-web/src/session.ts', from: '  clearTelemetry();\n', to: '' };
    expect(JSON.stringify((await without([forgets])).left)).toContain(BEFORE_SIGN_OUT);
  });
});
