/** The clinic's pages as members of the practice use them: in a real browser, against the real API and PostgreSQL. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PAGE_ROUTES } from '@clinic/catalogue/routes';
import axe, { type AxeResults, type RunOptions } from 'axe-core';
import { Secret, TOTP } from 'otpauth';
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ClinicProcess } from '../../services/clinic-api/src/testing/clinic-process.ts';
import { sessionOf } from '../../services/clinic-api/src/testing/session.ts';
import { type Prepared, type TestClinic, testClinic } from '../../services/clinic-api/src/testing/test-clinic.ts';
import { openBrowser } from '../../stack/browser.ts';
import { runQuietly } from '../../stack/program.mjs';
import { eventually } from '../eventually.ts';

type Role = 'clinician' | 'frontdesk' | 'admin';
const ROLES: readonly Role[] = ['clinician', 'frontdesk', 'admin'];

/** A laptop and a phone. */
const WIDE = { width: 1280, height: 800 };
const NARROW = { width: 390, height: 844 };
/** Generous: the slowest machine that runs this has two cores and other work. */
const PATIENCE = 20_000;

let clinic: TestClinic;
let prepared: Prepared;
let server: ClinicProcess;
let browser: Browser;
let root: string;
/** Of what a test opened. */
let contexts: BrowserContext[] = [];
/** What a page complained about: errors, and whatever the content security policy stopped. */
let complaints: string[] = [];

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'clinic-web-'));
  const built = runQuietly(
    process.execPath,
    [
      fileURLToPath(new URL('../../node_modules/vite/bin/vite.js', import.meta.url)),
      'build',
      '--logLevel',
      'error',
      '--outDir',
      root,
    ],
    {
      cwd: fileURLToPath(new URL('../../services/clinic-web', import.meta.url)),
      env: { ...process.env, NODE_ENV: 'production' },
    },
  );
  [clinic, browser] = await Promise.all([testClinic(), openBrowser()]);
  prepared = await clinic.prepare('web', { clients: 120 });
  await built;
  server = await clinic.start({ ...prepared.environment, WEB_ROOT: root });
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
  await clinic?.close();
  await rm(root, { recursive: true, force: true });
});
afterEach(async () => {
  await Promise.all(contexts.map((context) => context.close()));
  contexts = [];
  complaints = [];
});

const emailOf = (role: Role) => `${role}@clinic.example`;
const sql = <Row extends object>(text: string, values: unknown[] = []) => prepared.owner.query<Row>(text, values);

/** Durations of the loads of a page that arrived as spans, in milliseconds. */
const pageLoads = (route: string): number[] =>
  clinic.sink
    .spans()
    .filter(({ name, attributes }) => name === 'page_load' && attributes['http.route'] === route)
    .map(({ startTimeUnixNano: from, endTimeUnixNano: to }) => Number(BigInt(to) - BigInt(from)) / 1e6);

async function newPage(): Promise<Page> {
  const context = await browser.newContext({ viewport: WIDE });
  contexts.push(context);
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (/content security policy/i.test(message.text())) complaints.push(message.text());
  });
  page.on('dialog', (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    dialog.dismiss().catch(() => {});
  });
  return page;
}

/** A tab of somebody who has signed in. */
async function pageOf(role: Role): Promise<Page> {
  const token = await sessionOf(prepared.owner.query, emailOf(role));
  const [user] = await sql('SELECT id, name, role FROM users WHERE email = $1', [emailOf(role)]);
  const page = await newPage();
  await page.addInitScript(
    (session) => {
      if (!sessionStorage.getItem('was')) sessionStorage.setItem('session', session);
      sessionStorage.setItem('was', 'set'); // a session that the app forgets stays forgotten
    },
    JSON.stringify({ token, expires: Date.now() + 3_600_000, scope: 'full', user }),
  );
  return page;
}

/** Opens a page and waits until its data is there. */
async function open(page: Page, path: string): Promise<void> {
  await page.goto(server.url + path);
  await settled(page);
}
async function settled(page: Page): Promise<void> {
  await page.locator('main h1').waitFor();
  await page.locator('.loading').first().waitFor({ state: 'detached' });
}
const heading = (page: Page) => page.getByRole('heading', { level: 1 });
const button = (page: Page, name: string | RegExp) => page.getByRole('button', { name, exact: true });
const field = (page: Page, name: string) => page.getByLabel(name, { exact: true });

async function signIn(page: Page, role: Role, password = clinic.secret('demo_password')): Promise<void> {
  await page.goto(`${server.url}/sign-in`);
  await field(page, 'E-mail').fill(emailOf(role));
  await field(page, 'Password').fill(password);
  await button(page, 'Sign in').click();
}

/** The first client in whose chart something is said. */
async function someClient(): Promise<{ id: string; name: string; note: string }> {
  const [client] = await sql<{ id: string; name: string; note: string }>(
    `SELECT clients.id, given_name || ' ' || family_name AS name, clinical_notes.id AS note
     FROM clinical_notes JOIN clients ON clients.id = client_id JOIN users ON users.id = author_id
     WHERE users.email = $1 AND signed_at IS NULL ORDER BY written_at LIMIT 1`,
    [emailOf('clinician')],
  );
  return client!;
}

describe('each page', () => {
  const HEADINGS: Readonly<Record<string, RegExp>> = {
    '/': /^Today$/,
    '/clients': /^Clients$/,
    '/clients/:id': /-\d{5}$/,
    '/schedule': /^Schedule$/,
    '/notes': /^Notes$/,
    '/notes/:id': /^(Progress note|Intake|Treatment plan|Phone call)$/,
    '/documents': /^Documents$/,
    '/account': /^Account$/,
    '/users': /^Users$/,
  };
  const ALLOWED: Readonly<Record<Role, readonly string[]>> = {
    clinician: ['/', '/clients', '/clients/:id', '/schedule', '/notes', '/notes/:id', '/documents', '/account'],
    frontdesk: ['/', '/clients', '/clients/:id', '/schedule', '/documents', '/account'],
    admin: ['/', '/account', '/users'],
  };

  test.each(ROLES)('shows the %s what the role may see, and nothing else', async (role) => {
    const { id, name, note } = await someClient();
    const page = await pageOf(role);
    for (const route of PAGE_ROUTES.filter((each) => each !== '/sign-in')) {
      await open(page, route.replace('/clients/:id', `/clients/${id}`).replace('/notes/:id', `/notes/${note}`));
      const text = (await heading(page).textContent()) ?? '';
      if (ALLOWED[role].includes(route))
        expect([route, text]).toEqual([route, expect.stringMatching(HEADINGS[route]!)]);
      else expect([route, text]).toEqual([route, 'This page is not for your role']);
      expect([route, await page.getByRole('alert').allTextContents()]).toEqual([route, []]);
      expect(await page.title()).not.toContain(name.split(' ')[1]);
    }
    // Each is timed, under its own route.
    await page.close({ runBeforeUnload: true });
    await eventually(() => ALLOWED[role].every((route) => pageLoads(route).length > 0), {
      within: PATIENCE,
      what: `a page_load of each of ${ALLOWED[role]}`,
    });
    expect(complaints).toEqual([]);
  });

  test.each(ROLES)('has for the %s links to what the role may see', async (role) => {
    const page = await pageOf(role);
    await open(page, '/');
    const links = await page.getByRole('navigation', { name: 'Main' }).getByRole('link').allTextContents();
    const shown = ALLOWED[role].filter((route) => !route.includes(':') && route !== '/account').length;
    expect(links).toHaveLength(shown);
    expect(complaints).toEqual([]);
  });

  test('of a chart has for the front desk no notes, no medications and no contents of documents', async () => {
    const [{ client_id } = { client_id: '' }] = await sql<{ client_id: string }>(
      'SELECT client_id FROM documents ORDER BY uploaded_at DESC LIMIT 1',
    );
    const [desk, clinician] = [await pageOf('frontdesk'), await pageOf('clinician')];
    for (const page of [desk, clinician]) await open(page, `/clients/${client_id}`);
    const sections = (page: Page) => page.getByRole('heading', { level: 2 }).allTextContents();
    const visible = ['Details', 'Appointments', 'New appointment', 'Documents'];
    expect(await sections(desk)).toEqual(visible);
    expect(await sections(clinician)).toEqual(['Details', 'Medications', 'Notes', ...visible.slice(1)]);
    const downloads = (page: Page) => page.getByRole('button', { name: /^Download/ }).count();
    expect([await downloads(desk), await downloads(clinician)]).toEqual([0, expect.any(Number)]);
    expect(await downloads(clinician)).toBeGreaterThan(0);
  });

  test('says what is wrong when its data does not come, and loads it again when asked to', async () => {
    const page = await pageOf('clinician');
    await page.route('**/api/clients?*', (route) => route.abort());
    await open(page, '/clients');
    expect(await page.getByRole('alert').textContent()).toMatch(/could not be loaded.*cannot be reached/);
    await page.unroute('**/api/clients?*');
    await button(page, 'Try again').click();
    await page.getByRole('table').waitFor();
    // The sentence of a problem that only the API knows.
    await page.route('**/api/documents?*', (route) =>
      route.fulfill({ status: 507, json: { status: 507, code: 'storage_full', title: 'The document store is full.' } }),
    );
    await page.getByRole('link', { name: 'Documents' }).click();
    await page.getByText('The document store is full.').waitFor();
  });

  test('whose code does not come says so', async () => {
    const page = await pageOf('clinician');
    await page.route('**/assets/clients-page*', (route) => route.abort());
    await page.goto(`${server.url}/clients`);
    await page.getByText('This page could not be loaded.').waitFor();
    await page.unroute('**/assets/clients-page*');
    await button(page, 'Load again').click();
    await page.getByRole('table').waitFor();
  });

  test('is timed until its own data is painted', async () => {
    const page = await pageOf('clinician');
    await page.route('**/api/clinical-notes?*', async (route) => {
      await new Promise((resolve) => setTimeout(resolve, 3_300));
      await route.continue();
    });
    await open(page, '/notes');
    await page.close({ runBeforeUnload: true });
    const load = await eventually(() => pageLoads('/notes').find((ms) => ms > 3_300), {
      within: PATIENCE,
      what: 'a page load as slow as its data',
    });
    expect(load).toBeLessThan(3_300 + PATIENCE);
  });
});

describe('with the keyboard alone', () => {
  const focused = (page: Page) => page.locator(':focus');
  async function tabTo(page: Page, target: Locator): Promise<void> {
    for (let presses = 0; presses < 40; presses++) {
      if (await target.evaluate((element) => element === document.activeElement)) return;
      await page.keyboard.press('Tab');
    }
    throw new Error(`Forty times Tab did not reach ${target}; the focus is on ${await focused(page).textContent()}`);
  }

  test('an appointment is booked in the schedule, and cancelled', async () => {
    const { name, id } = await someClient();
    const page = await pageOf('clinician');
    await open(page, '/');
    // The first stop of all jumps over the navigation.
    await page.keyboard.press('Tab');
    expect(await focused(page).textContent()).toBe('Skip to content');
    await tabTo(page, page.getByRole('link', { name: 'Schedule', exact: true }));
    await page.keyboard.press('Enter');
    await page.getByRole('grid').waitFor();
    expect(await focused(page).textContent()).toBe('Schedule');

    // A day on which nothing is booked.
    const grid = page.getByRole('grid');
    await tabTo(page, grid.locator('button[tabindex="0"]'));
    const past = () => grid.locator('.slot:not(.free)').count();
    for (let days = 0; days < 800 && ((await past()) > 0 || days === 0); days++) {
      await page.keyboard.press('PageDown');
      await page.locator('table[aria-busy="false"]').waitFor();
    }
    await page.keyboard.press('Home');
    for (let rows = 0; rows < 5; rows++) await page.keyboard.press('ArrowDown');
    expect(await focused(page).textContent()).toMatch(/^9:15.*free/);
    await page.keyboard.press('Enter');

    const dialog = page.getByRole('dialog', { name: 'New appointment' });
    await dialog.waitFor();
    await page.keyboard.type(name);
    await page.getByText(/found. Arrow keys choose/).waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    expect(await dialog.getByRole('combobox', { name: 'Client' }).inputValue()).toBe(name);
    await tabTo(page, dialog.getByRole('button', { name: 'Book appointment' }));
    await page.keyboard.press('Enter');
    await dialog.waitFor({ state: 'detached' });
    await page.getByText(/^Booked for .*9:15/).waitFor();

    const booked = () =>
      sql<{ state: string; minutes: number; hour: number }>(
        `SELECT state, extract(epoch FROM ends_at - starts_at) / 60 AS minutes FROM appointments
         WHERE client_id = $1 ORDER BY created_at DESC, starts_at DESC LIMIT 1`,
        [id],
      );
    expect((await booked())[0]).toMatchObject({ state: 'booked' });
    // The focus is back where it was, which is the appointment now.
    await eventually(async () => (await focused(page).textContent())?.includes(name), {
      within: PATIENCE,
      what: 'the focus on the new appointment',
    });
    await page.keyboard.press('Enter');
    const opened = page.getByRole('dialog', { name: 'Appointment', exact: true });
    await tabTo(page, opened.getByRole('button', { name: 'Cancel appointment' }));
    await page.keyboard.press('Enter');
    await tabTo(page, opened.getByRole('button', { name: 'Yes, cancel it' }));
    await page.keyboard.press('Enter');
    await opened.waitFor({ state: 'detached' });
    await page.locator('table[aria-busy="false"]').waitFor();
    expect((await booked())[0]).toMatchObject({ state: 'cancelled' });
    expect(complaints).toEqual([]);
  });

  test('Escape closes a window and the focus returns to what opened it', async () => {
    const page = await pageOf('frontdesk');
    await open(page, '/schedule');
    await tabTo(page, button(page, 'Book an appointment'));
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(await focused(page).textContent()).toBe('Book an appointment');
  });

  test('a time that is taken is refused in words', async () => {
    const { id } = await someClient();
    const page = await pageOf('frontdesk');
    await open(page, `/clients/${id}`);
    for (let round = 0; round < 2; round++) {
      await field(page, 'Date').fill('2031-03-03');
      await button(page, 'Book appointment').press('Enter');
      if (round === 0) await page.getByText(/^Booked for/).waitFor();
    }
    await page.getByText('The clinician has another appointment at that time.').waitFor();
  });
});

describe('the second factor', () => {
  test('an administrator has to set one up, signs in with it, and with a recovery code once', async () => {
    const page = await newPage();
    await signIn(page, 'admin');
    await page.getByRole('heading', { name: 'One more step' }).waitFor();
    expect(await page.getByRole('navigation', { name: 'Main' }).count()).toBe(0);
    // Whatever page is asked for, this one comes first.
    await page.goto(`${server.url}/users`);
    await page.getByRole('heading', { name: 'One more step' }).waitFor();

    await button(page, 'Set up a second factor').click();
    const picture = page.getByRole('img', { name: /QR code/ });
    expect(await picture.locator('path').first().getAttribute('d')).toMatch(/^[Mm]/);
    expect((await picture.boundingBox())?.width).toBeGreaterThan(150);
    await page.getByText('It cannot be scanned?').click();
    const secret = ((await page.locator('.secret').textContent()) ?? '').replaceAll(' ', '');
    const totp = new TOTP({ secret: Secret.fromBase32(secret), digits: 6, period: 30 });
    const code = page.getByLabel(/six digits/);
    await code.fill(totp.generate({ timestamp: Date.now() - 600_000 }));
    await button(page, 'Confirm').click();
    await page.getByText(/That code is not right/).waitFor();
    const used = totp.generate();
    await code.fill(used);
    await button(page, 'Confirm').click();
    await page.getByRole('heading', { name: 'Recovery codes' }).waitFor();
    const recovery = await page.locator('.recovery li').allTextContents();
    expect(recovery).toHaveLength(10);
    await button(page, 'I have kept them').click();
    await page.getByRole('heading', { name: 'Today' }).waitFor();
    await page.getByRole('link', { name: 'Users', exact: true }).click();
    await page.getByRole('table').waitFor();
    await button(page, 'Sign out').click();

    await signIn(page, 'admin');
    const typed = field(page, 'Code');
    await typed.waitFor();
    // The one that confirmed has been used.
    await typed.fill(used);
    await button(page, 'Sign in').click();
    await page.getByText(/That code is not right/).waitFor();
    await eventually(() => totp.generate() !== used, { within: 31_000, every: 250, what: 'the next code' });
    await typed.fill(totp.generate());
    await button(page, 'Sign in').click();
    await page.getByRole('heading', { name: 'Today' }).waitFor();
    await button(page, 'Sign out').click();

    for (const works of [true, false]) {
      await signIn(page, 'admin');
      await button(page, 'Use a recovery code').click();
      await page.getByRole('textbox', { name: 'Recovery code' }).fill(recovery[3]!);
      await button(page, 'Sign in').click();
      if (works) {
        await page.getByRole('heading', { name: 'Today' }).waitFor();
        await button(page, 'Sign out').click();
      } else await page.getByText(/not right, or was used already/).waitFor();
    }
    expect(complaints).toEqual([]);
  });
});

describe('signing in and out', () => {
  test('a wrong password is refused in words and the field is ready for another try', async () => {
    const page = await newPage();
    await signIn(page, 'frontdesk', 'not the password');
    await page.getByRole('alert').getByText('The e-mail address or the password is wrong.').waitFor();
    await page.locator('#password:focus').waitFor();
  });

  test('leaves nothing behind: not on the screen, not in storage, not with the API', async () => {
    const { name } = await someClient();
    const page = await newPage();
    await signIn(page, 'frontdesk');
    await page.getByRole('heading', { name: 'Today' }).waitFor();
    await page.getByRole('link', { name: 'Clients', exact: true }).click();
    await page.getByLabel('Search clients by name').fill(name);
    await page
      .getByRole('link', { name: /-\d{5}/ })
      .first()
      .click();
    await page.getByRole('heading', { name: 'Details' }).waitFor();
    const token = await page.evaluate(() => JSON.parse(sessionStorage.getItem('session') ?? '{}').token as string);
    const address = page.url();
    // What was searched for is not in any address of this tab.
    expect(decodeURIComponent(address)).not.toContain(name.split(' ')[0]);
    await button(page, 'Sign out').click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await eventually(
      async () =>
        (await fetch(`${server.url}/api/session`, { headers: { authorization: `Bearer ${token}` } })).status === 401,
      { within: PATIENCE, what: 'the end of the session' },
    );
    expect(await page.locator('body').textContent()).not.toContain(name.split(' ')[1]);
    const kept = await page.evaluate(async () => ({
      session: { ...sessionStorage },
      local: { ...localStorage },
      cookies: document.cookie,
      databases: (await indexedDB.databases()).length,
      caches: (await caches.keys()).length,
    }));
    expect(kept).toEqual({ session: {}, local: {}, cookies: '', databases: 0, caches: 0 });
    // Nor is the chart a step back away.
    await page.goBack();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  });

  test('a session that the API has ended leads to the sign-in page, and from there back; somebody else arrives at today', async () => {
    const page = await newPage();
    await signIn(page, 'frontdesk');
    await page.getByRole('heading', { name: 'Today' }).waitFor();
    for (const [role, where] of [
      ['frontdesk', 'Documents'],
      ['clinician', 'Today'],
    ] as const) {
      await page.getByRole('link', { name: 'Documents', exact: true }).click();
      await page
        .getByText(/synthetic-\d+/)
        .first()
        .waitFor();
      await sql('DELETE FROM sessions WHERE user_id = (SELECT id FROM users WHERE email = $1)', [emailOf('frontdesk')]);
      await button(page, 'Next').click();
      await page.getByText('Your session has ended.').waitFor();
      await field(page, 'E-mail').fill(emailOf(role));
      await field(page, 'Password').fill(clinic.secret('demo_password'));
      await button(page, 'Sign in').click();
      await page.getByRole('heading', { name: where, level: 1 }).waitFor();
    }
  });
});

describe('what a clinician does', () => {
  test('writes a note, signs it, and it cannot be signed again', async () => {
    const { name } = await someClient();
    const page = await pageOf('clinician');
    await open(page, '/notes');
    await button(page, 'Write a note').click();
    await page.getByRole('combobox', { name: 'Client' }).fill(name);
    await page.locator('.options [role=option]').first().click();
    await field(page, 'Kind').selectOption('phone');
    await field(page, 'Note').fill('First line.\n\nSecond line.');
    await button(page, 'Save note').click();
    await page.getByRole('heading', { name: 'Phone call', level: 1 }).waitFor();
    expect(await page.locator('.note-body').innerText()).toBe('First line.\n\nSecond line.');
    await button(page, 'Sign this note').click();
    await button(page, 'Sign').click();
    await page.getByText(/^Signed /).waitFor();
    expect(await button(page, 'Sign this note').count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  test('stores a document and gets the same bytes back', async () => {
    const { id } = await someClient();
    const page = await pageOf('clinician');
    await open(page, `/clients/${id}`);
    const bytes = Buffer.from(`%PDF-1.7\n${'x'.repeat(300_000)}`);
    const shares: number[] = [];
    await page.exposeFunction('sent', (share: number) => shares.push(share));
    await page.evaluate(() => {
      new MutationObserver(() => {
        const bar = document.querySelector('progress');
        if (bar) (globalThis as unknown as { sent(share: number): void }).sent(bar.value);
      }).observe(document, { subtree: true, childList: true, attributes: true });
    });
    await page.getByLabel('Document', { exact: true }).setInputFiles({
      name: 'Befund Größe.pdf',
      mimeType: 'application/pdf',
      buffer: bytes,
    });
    await button(page, 'Store document').click();
    await page.getByText('The document is stored.').waitFor();
    expect(shares.length).toBeGreaterThan(0);
    const arriving = page.waitForEvent('download');
    await button(page, 'Download Befund Größe.pdf').click();
    const file = await arriving;
    expect(file.suggestedFilename()).toBe('Befund Größe.pdf');
    expect(await readFile((await file.path())!)).toEqual(bytes);
    // Too large is said before a byte is sent.
    await page.getByLabel('Document', { exact: true }).setInputFiles({
      name: 'large.pdf',
      mimeType: 'application/pdf',
      buffer: Buffer.alloc(5_000_001),
    });
    await button(page, 'Store document').click();
    await page.getByText('A document may have at most 5 MB.').waitFor();
    expect(complaints).toEqual([]);
  });

  test('states a listed reason for a chart that is not the own, which is recorded', async () => {
    const [stranger] = await sql<{ id: string }>(
      `SELECT id FROM clients WHERE primary_clinician_id <> (SELECT id FROM users WHERE email = $1)
         AND NOT EXISTS (SELECT FROM appointments JOIN users ON users.id = clinician_id WHERE client_id = clients.id AND email = $1)
         AND NOT EXISTS (SELECT FROM clinical_notes JOIN users ON users.id = author_id WHERE client_id = clients.id AND email = $1)
       LIMIT 1`,
      [emailOf('clinician')],
    );
    const page = await pageOf('clinician');
    await open(page, `/clients/${stranger!.id}`);
    await button(page, 'State a reason').click();
    await page.getByRole('radio', { name: 'I cover for a colleague' }).check();
    await button(page, 'Record the reason').click();
    await page.getByText(/Your reason is recorded/).waitFor();
    const recorded = await sql('SELECT reason FROM break_glass WHERE client_id = $1', [stranger!.id]);
    expect(recorded).toEqual([{ reason: 'covering_colleague' }]);
    // A chart of one's own does not ask.
    await open(page, `/clients/${(await someClient()).id}`);
    expect(await button(page, 'State a reason').count()).toBe(0);
  });
});

describe('when an answer is late, or does not come', () => {
  /** Answers to such requests wait until they are let go. */
  async function hold(page: Page, isHeld: (url: URL) => boolean) {
    const asked = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    await page.route(isHeld, async (route) => {
      asked.resolve();
      await released.promise;
      await route.continue();
    });
    return { asked: asked.promise, release: released.resolve };
  }

  test('Enter picks nobody whom an earlier text found, and does not submit the form', async () => {
    const people = await sql<{ name: string }>(
      "SELECT given_name || ' ' || family_name AS name FROM clients ORDER BY family_name LIMIT 2",
    );
    const [first, second] = [people[0]!.name, people[1]!.name];
    const page = await pageOf('clinician');
    await open(page, '/notes');
    await button(page, 'Write a note').click();
    await field(page, 'Note').fill('What is complete, so that only the client keeps the form from being saved.');
    const client = page.getByRole('combobox', { name: 'Client' });
    const options = page.locator('.options [role=option]');
    await client.fill(first);
    await options.filter({ hasText: first }).waitFor();

    const answer = await hold(page, ({ searchParams }) => searchParams.get('search') === second);
    await client.fill(second);
    await answer.asked;
    await client.press('Enter');
    expect(await client.inputValue()).toBe(second);
    expect(await options.count()).toBe(0);
    expect(await page.getByRole('alert').allTextContents()).toEqual([]);
    answer.release();
    await options.filter({ hasText: second }).waitFor();
    // Nor while the list is hidden.
    await client.press('Escape');
    await options.first().waitFor({ state: 'detached' });
    await client.press('Enter');
    expect(await page.getByRole('alert').allTextContents()).toEqual([]);
    await client.press('ArrowDown');
    await client.press('Enter');
    expect(await client.inputValue()).toBe(second);
    await page.getByText(/^Born /).waitFor();
    expect(complaints).toEqual([]);
  });

  test('nothing can be booked in the schedule of a clinician that is not loaded yet', async () => {
    const [first, second] = await sql<{ id: number }>("SELECT id FROM users WHERE role = 'clinician' ORDER BY id");
    const page = await pageOf('frontdesk');
    await open(page, '/schedule');
    const whose = page.getByRole('combobox', { name: 'Whose schedule' });
    const grid = page.getByRole('grid');
    const isLoaded = () => page.locator('table[aria-busy="false"]').waitFor();
    await whose.selectOption(String(first!.id));
    await isLoaded();

    const answer = await hold(page, ({ searchParams }) => searchParams.get('clinician_id') === String(second!.id));
    await whose.selectOption(String(second!.id));
    await answer.asked;
    expect(await grid.getAttribute('aria-busy')).toBe('true');
    await grid.locator('.slot.free').first().click();
    expect(await page.getByRole('dialog').count()).toBe(0);
    answer.release();
    await isLoaded();
    await grid.locator('.slot.free').first().click();
    await page.getByRole('dialog', { name: 'New appointment' }).waitFor();
    expect(complaints).toEqual([]);
  });

  test('a chart that cannot be loaded again keeps the note that is being written; one that is refused goes away', async () => {
    const { id } = await someClient();
    const page = await pageOf('clinician');
    await open(page, `/clients/${id}`);
    await button(page, 'Write a note').click();
    await field(page, 'Note').fill('Half a sentence');
    const isChart = ({ pathname }: URL) => pathname === `/api/clients/${id}`;
    await page.route(isChart, (route) => route.abort());
    await field(page, 'Date').fill('2031-04-07');
    await button(page, 'Book appointment').click();
    const alert = page.getByRole('alert');
    await alert.getByText('The chart could not be loaded.').waitFor();
    expect(await field(page, 'Note').inputValue()).toBe('Half a sentence');
    await page.unroute(isChart);
    await button(page, 'Try again').click();
    await alert.waitFor({ state: 'detached' });
    expect(await field(page, 'Note').inputValue()).toBe('Half a sentence');

    await page.route(isChart, (route) =>
      route.fulfill({ status: 403, json: { status: 403, code: 'forbidden', title: 'Not for this role.' } }),
    );
    await field(page, 'Date').fill('2031-04-08');
    await button(page, 'Book appointment').click();
    await alert.getByText('The chart could not be loaded.').waitFor();
    expect(await page.getByRole('heading', { level: 2 }).count()).toBe(0);
    expect(complaints).toEqual([]);
  });
});

test('an administrator adds a user, changes the role, and deactivates the account', async () => {
  const page = await pageOf('admin');
  await open(page, '/users');
  await button(page, 'Add a user').click();
  await field(page, 'Name').fill('Synthetic Willow');
  await field(page, 'E-mail').fill('willow@clinic.example');
  await field(page, 'First password').fill('a long first password');
  await button(page, 'Add user').click();
  await page.getByText('The user is added.').waitFor();
  const row = page.getByRole('row', { name: /Synthetic Willow/ });
  await row.getByRole('button').click();
  await field(page, 'Role').selectOption('frontdesk');
  await button(page, 'Change the role').click();
  await row.getByText('Front desk').waitFor();
  await row.getByRole('button').click();
  await button(page, 'Deactivate').click();
  await row.getByText('inactive').waitFor();
  expect(complaints).toEqual([]);
});

test('markup in every field is text on every page', async () => {
  const markup = `<img src=x onerror="document.title='ran'"><script>document.title='ran'</script>`;
  const { id, note, name } = await someClient();
  const [before] = await sql<{ given_name: string; family_name: string }>('SELECT * FROM clients WHERE id = $1', [id]);
  const page = await pageOf('clinician');
  const isText = async (path: string, look: Locator = page.getByText('onerror').first()) => {
    await look.waitFor();
    expect([path, await page.locator('main img, main script').count()]).toEqual([path, 0]);
    expect([path, await page.title()]).toEqual([path, expect.stringMatching(/ · Clinic$/)]);
  };

  // Fields that the pages themselves have.
  await open(page, '/clients');
  await page.getByLabel('Search clients by name').fill(markup);
  await page.getByText('Nobody by that name').waitFor();
  await open(page, '/notes');
  await button(page, 'Write a note').click();
  await page.getByRole('combobox', { name: 'Client' }).fill(markup);
  await page.getByText('Nobody by that name.').waitFor();
  await page.getByRole('combobox', { name: 'Client' }).fill(name);
  await page.locator('.options [role=option]').first().click();
  await field(page, 'Note').fill(markup);
  await button(page, 'Save note').click();
  await isText('/notes/:id');
  await open(page, `/clients/${id}`);
  const file = join(clinic.folder, '<img src=x onerror=alert(1)>.txt');
  await writeFile(file, markup);
  await page.getByLabel('Document', { exact: true }).setInputFiles(file);
  await button(page, 'Store document').click();
  await page.getByText('The document is stored.').waitFor();
  await isText('/clients/:id', page.getByText('onerror').first());
  const outside = await newPage();
  await outside.goto(`${server.url}/sign-in`);
  await field(outside, 'E-mail').fill('"<img/src=x/onerror=alert(1)>"@clinic.example');
  await field(outside, 'Password').fill(markup);
  await button(outside, 'Sign in').click();

  // What others, or another program, may have put into the database.
  await sql(
    'UPDATE clients SET given_name = $2, family_name = $2, phone = $2, email = $2, address = $2 WHERE id = $1',
    [id, markup],
  );
  await sql('UPDATE medications SET name = $2, dose = $2 WHERE client_id = $1', [id, markup]);
  const now = new Date();
  await sql(
    `INSERT INTO appointments (client_id, clinician_id, starts_at, ends_at)
     SELECT $1, id, $3, $3::timestamptz + interval '5 minutes' FROM users WHERE email = $2`,
    [id, emailOf('clinician'), new Date(now.getFullYear(), now.getMonth(), now.getDate(), 4, 5)],
  );
  for (const path of ['/', '/clients', `/clients/${id}`, '/schedule', '/notes', `/notes/${note}`, '/documents']) {
    await open(page, path);
    if (path === '/clients') await page.getByLabel('Search clients by name').fill('<img');
    await isText(path);
  }
  await sql('UPDATE clients SET given_name = $2, family_name = $3 WHERE id = $1', [
    id,
    before!.given_name,
    before!.family_name,
  ]);
  expect(complaints).toEqual([]);
});

describe('accessibility', () => {
  type Findings = AxeResults['violations'];
  async function check(page: Page, options: RunOptions = {}): Promise<string[]> {
    const findings: Findings = await page.evaluate(
      async (given) =>
        (
          await (globalThis as unknown as { axe: typeof axe }).axe.run(document, {
            resultTypes: ['violations'],
            ...given,
          })
        ).violations,
      options,
    );
    return findings
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(' | ')}`);
  }
  /** Light and dark, on a laptop and on a phone: everything once for each size, in the dark what colours can break. */
  async function checkAll(page: Page): Promise<Readonly<Record<string, string[]>>> {
    await page.evaluate(axe.source);
    const found: Record<string, string[]> = {};
    for (const size of [WIDE, NARROW]) {
      await page.setViewportSize(size);
      await page.emulateMedia({ colorScheme: 'light' });
      found[`light ${size.width}`] = await check(page);
      const isWider = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
      if (isWider) found[`light ${size.width}`]!.push('the page scrolls sideways');
      await page.emulateMedia({ colorScheme: 'dark' });
      found[`dark ${size.width}`] = await check(page, { runOnly: ['color-contrast'] });
    }
    await page.setViewportSize(WIDE);
    return found;
  }
  const CLEAN = { 'light 1280': [], 'dark 1280': [], 'light 390': [], 'dark 390': [] };

  type Act = (page: Page) => Promise<unknown>;
  const CASES: readonly [what: string, role: Role | undefined, path: string, act?: Act][] = [
    ['sign in', undefined, '/sign-in'],
    [
      'a refused sign-in',
      undefined,
      '/sign-in',
      async (page) => {
        await field(page, 'E-mail').fill('nobody@clinic.example');
        await field(page, 'Password').fill('wrong');
        await button(page, 'Sign in').click();
        await page.getByRole('alert').waitFor();
      },
    ],
    ['today', 'clinician', '/'],
    ['today', 'frontdesk', '/'],
    ['today', 'admin', '/'],
    ['clients', 'clinician', '/clients'],
    ['a chart', 'clinician', '/clients/:id', (page) => button(page, 'Write a note').click()],
    ['a chart', 'frontdesk', '/clients/:id'],
    ['schedule of a day', 'frontdesk', '/schedule'],
    [
      'schedule of a week',
      'clinician',
      '/schedule',
      async (page) => {
        await button(page, 'Week').click();
        await page.locator('table[aria-busy="false"]').waitFor();
      },
    ],
    [
      'booking',
      'frontdesk',
      '/schedule',
      async (page) => {
        await button(page, 'Book an appointment').click();
        await page.getByRole('combobox', { name: 'Client' }).fill('a');
        await page.locator('.options [role=option]').first().waitFor();
        await page.keyboard.press('ArrowDown');
      },
    ],
    ['notes', 'clinician', '/notes', (page) => button(page, 'Write a note').click()],
    ['a note', 'clinician', '/notes/:id', (page) => button(page, 'Sign this note').click()],
    ['documents', 'clinician', '/documents'],
    [
      'account',
      'clinician',
      '/account',
      async (page) => {
        await button(page, 'Set up a second factor').click();
        await page.getByRole('img', { name: /QR code/ }).waitFor();
      },
    ],
    ['users', 'admin', '/users'],
    ['a new user', 'admin', '/users', (page) => button(page, 'Add a user').click()],
    ['a page for another role', 'frontdesk', '/users'],
    ['a page that is not there', 'frontdesk', '/nowhere'],
  ];

  test.for(CASES)('%s (%s, %s) has no serious or critical finding of axe', async ([, role, path, act]) => {
    const { id, note } = await someClient();
    const page = role ? await pageOf(role) : await newPage();
    await open(page, path.replace('/clients/:id', `/clients/${id}`).replace('/notes/:id', `/notes/${note}`));
    await act?.(page);
    expect(await checkAll(page)).toEqual(CLEAN);
  });
});
