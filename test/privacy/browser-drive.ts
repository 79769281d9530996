import type { Browser, BrowserContext, Page } from 'playwright-core';
import { eventually } from '../eventually.ts';
import { type Place, type Planted, wordOf } from './places.ts';
import { CLIENT_ID } from './server-drive.ts';
import type { Tap } from './tap.ts';

export interface BrowserDriveOptions {
  readonly browser: Browser;
  readonly planted: Planted;
  /** The clinic, as the browser sees it. */
  readonly tap: Tap;
  readonly password: string;
}

/** A type of error that happens only just before somebody signs out. */
export const BEFORE_SIGN_OUT = 'RangeError';

/** What is at rest in the tab. */
export interface AtRest {
  readonly session: Readonly<Record<string, string>>;
  readonly local: Readonly<Record<string, string>>;
}

/** Works with the clinic as a person does, with a word of its own in everything that a page can hold or do. */
export class BrowserDrive {
  readonly #options: BrowserDriveOptions;
  readonly #context: BrowserContext;
  readonly #page: Page;
  /** Requests to other origins than the clinic's that were sent. */
  readonly strangers: string[] = [];

  private constructor(options: BrowserDriveOptions, context: BrowserContext, page: Page) {
    this.#options = options;
    this.#context = context;
    this.#page = page;
  }

  static async open(options: BrowserDriveOptions): Promise<BrowserDrive> {
    const context = await options.browser.newContext();
    const page = await context.newPage();
    const drive = new BrowserDrive(options, context, page);
    context.on('requestfinished', (request) => {
      if (!request.url().startsWith(options.tap.url)) drive.strangers.push(request.url());
    });
    return drive;
  }

  async close(): Promise<void> {
    await this.#context.close();
  }

  async atRest(): Promise<AtRest> {
    return this.#page.evaluate(() => ({ session: { ...sessionStorage }, local: { ...localStorage } }));
  }

  /** Words of these places, as the page gets them. */
  #words<Key extends string>(places: Readonly<Record<Key, Place>>): Record<Key, string> {
    const entries = Object.entries<Place>(places).map(([key, place]) => [key, this.#options.planted.word(place)]);
    return Object.fromEntries(entries) as Record<Key, string>;
  }

  async signIn(): Promise<void> {
    const { planted, password } = this.#options;
    const clinic = this.#options.tap.url;
    await this.#page.goto(
      `${clinic}/sign-in?patient=${planted.word('browser: query')}#${planted.word('browser: hash')}`,
    );
    await this.#page.getByLabel('E-mail').fill(`${planted.word('browser: typed e-mail')}@clinic.example`);
    await this.#page.getByLabel('Password').fill(planted.word('browser: typed password'));
    await this.#page.getByRole('button', { name: 'Sign in' }).click();
    await this.#page.getByText('The e-mail address or the password is wrong.').waitFor();
    await this.#page.getByLabel('E-mail').fill('clinician@clinic.example');
    await this.#page.getByLabel('Password').fill(password);
    await this.#page.getByRole('button', { name: 'Sign in' }).click();
    await this.#page.getByRole('link', { name: 'Clients' }).first().waitFor();
  }

  async readCharts(): Promise<void> {
    const { planted } = this.#options;
    const clinic = this.#options.tap.url;
    const found = this.#page.waitForResponse((response) =>
      response.url().includes(`search=${wordOf('browser: typed search')}`),
    );
    await this.#page.goto(`${clinic}/clients`);
    await this.#page.getByRole('searchbox').fill(planted.word('browser: typed search'));
    await found;
    await this.#page.goto(`${clinic}/clients/${planted.word('browser: path of a client')}`);
    await this.#page.getByRole('heading', { level: 1 }).waitFor();
    await this.#page.goto(`${clinic}/${planted.word('browser: page that does not exist')}`);
    await this.#page.goto(`${clinic}/clients/${CLIENT_ID}`, {
      referer: `${clinic}/clients/${planted.word('browser: referrer')}`,
    });
    // Without this word nothing would show that the chart was on the screen.
    await this.#page.getByText(wordOf('client: family name')).first().waitFor();
  }

  async elements(): Promise<void> {
    const words = this.#words({
      title: 'browser: title',
      text: 'browser: text',
      id: 'browser: id of an element',
      class: 'browser: class of an element',
      data: 'browser: data attribute',
      label: 'browser: aria-label',
      field: 'browser: field name',
      clicked: 'browser: element that is clicked',
      shifted: 'browser: element that shifts',
      image: 'browser: largest image',
      name: 'browser: window.name',
      cookie: 'browser: cookie',
      local: 'browser: localStorage',
      pushed: 'browser: pushState',
      replaced: 'browser: replaceState',
    });
    await this.#page.evaluate((w) => {
      document.title = w.title;
      const make = (tag: string, attributes: Record<string, string>, text = '') => {
        const element = document.createElement(tag);
        for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
        element.textContent = text;
        document.body.prepend(element);
        return element;
      };
      make(
        'p',
        { id: w.id, class: w.class, 'data-patient': w.data, 'aria-label': w.label, elementtiming: w.id },
        w.text,
      );
      make('input', { name: w.field, value: w.field });
      make('button', { id: w.clicked, 'data-faro-user-action-name': w.clicked }, 'Click');
      const image = make('img', { id: w.image, width: '1200', height: '800', alt: w.image });
      image.setAttribute('src', `/favicon.ico?${w.image}`);
      const shifted = make('div', { id: w.shifted, style: 'height: 300px' });
      setTimeout(() => shifted.remove(), 100);
      window.name = w.name;
      // biome-ignore lint/suspicious/noDocumentCookie: what is planted is a cookie
      document.cookie = `patient=${w.cookie}; path=/`;
      localStorage.setItem('patient', w.local);
      history.pushState({ patient: w.pushed }, w.pushed, `/clients/${w.pushed}?${w.pushed}#${w.pushed}`);
      history.replaceState({ patient: w.replaced }, w.replaced, `/notes/${w.replaced}?${w.replaced}#${w.replaced}`);
    }, words);
    // A person's click, by a script: the layout may have moved it out of sight.
    await this.#page.locator(`#${words.clicked}`).dispatchEvent('click');
  }

  async errors(): Promise<void> {
    const words = this.#words({
      log: 'browser: console.log',
      info: 'browser: console.info',
      warn: 'browser: console.warn',
      error: 'browser: console.error',
      uncaught: 'browser: uncaught error',
      class: 'browser: class of an error',
      cause: 'browser: cause of an error',
      script: 'browser: error of a script with a path',
      function: 'browser: function name in a stack',
      text: 'browser: thrown text',
      object: 'browser: thrown object',
      rejected: 'browser: rejected error',
      rejectedObject: 'browser: rejected object',
      rejectedText: 'browser: rejected text',
      reported: 'browser: reportError',
    });
    await this.#page.evaluate((w) => {
      for (const level of ['log', 'info', 'warn', 'error'] as const) console[level](w[level], { patient: w[level] });
      const later = (work: () => void) => setTimeout(work, 0);
      const error = (message: string) => new Error(message, { cause: new Error(w.cause) });
      later(() => {
        throw Object.assign(error(w.uncaught), { name: `${w.class}Error`, patient: w.class });
      });
      later(() => {
        const failing = error(w.function);
        const file = `${location.origin}/assets/${w.script}.js`;
        failing.stack = `Error: ${w.function}\n    at ${w.function} (${file}:1:2)\n    at ${location.origin}/assets/index-${w.script}.js:3:4`;
        throw failing;
      });
      later(() => {
        throw w.text;
      });
      later(() => {
        throw { message: w.object, toString: () => w.object };
      });
      void Promise.reject(error(w.rejected));
      void Promise.reject({ patient: w.rejectedObject });
      void Promise.reject(w.rejectedText);
      reportError(error(w.reported));
    }, words);
  }

  async measures(): Promise<void> {
    const words = this.#words({
      mark: 'browser: performance mark',
      measure: 'browser: performance measure',
      detail: 'browser: detail of a performance mark',
      span: 'browser: name of a span',
      attribute: 'browser: attribute of a span',
      exception: 'browser: exception of a span',
      status: 'browser: status of a span',
      event: 'browser: custom event',
    });
    const traced = await this.#page.evaluate((w) => {
      performance.mark(w.mark, { detail: { patient: w.detail } });
      performance.measure(w.measure, w.mark);
      dispatchEvent(new CustomEvent(w.event, { detail: w.event }));
      // OpenTelemetry's API, as a part of the page that has it would find it.
      type Span = {
        setAttribute(k: string, v: string): Span;
        recordException(e: Error): void;
        setStatus(s: object): Span;
        end(): void;
      };
      type Tracer = { startSpan(name: string, options?: object): Span };
      type Api = { trace?: { getTracer(name: string): Tracer } };
      const api = Object.getOwnPropertySymbols(globalThis)
        .filter((symbol) => symbol.description?.startsWith('opentelemetry.js.api.'))
        .map((symbol) => (globalThis as unknown as Record<symbol, Api>)[symbol])
        .find((each) => each?.trace);
      for (const name of [w.span, 'render']) {
        const span = api?.trace?.getTracer(w.span).startSpan(name, { attributes: { patient: w.attribute } });
        span?.setAttribute('url.full', w.attribute).recordException(new Error(w.exception));
        span?.setStatus({ code: 2, message: w.status }).end();
      }
      return api !== undefined;
    }, words);
    if (!traced) throw new Error('The page has no tracing: nothing was planted in its spans.');
  }

  async calls(): Promise<void> {
    const words = this.#words({
      client: 'browser: fetch of a client',
      query: 'browser: fetch query',
      header: 'browser: fetch header',
      body: 'browser: fetch body',
      other: 'browser: fetch that is not of the API',
      fails: 'browser: fetch that fails',
      xhr: 'browser: XMLHttpRequest',
      beacon: 'browser: beacon',
      image: 'browser: image address',
      forbidden: 'browser: address that the policy forbids',
      socket: 'browser: WebSocket address',
    });
    await this.#page.evaluate(async (w) => {
      const quiet = (work: Promise<unknown>) => work.catch(() => undefined);
      await quiet(fetch(`/api/clients/${w.client}`));
      await quiet(fetch(`/api/clients?search=${w.query}`, { headers: { 'x-patient': w.header } }));
      await quiet(fetch('/api/appointments', { method: 'POST', body: JSON.stringify({ patient: w.body }) }));
      await quiet(fetch(`/${w.other}`));
      await quiet(fetch(`http://127.0.0.1:1/${w.fails}`));
      await new Promise<void>((resolve) => {
        const request = new XMLHttpRequest();
        request.onloadend = () => resolve();
        request.open('GET', `/api/clients/${w.xhr}?${w.xhr}`);
        request.send();
      });
      navigator.sendBeacon(`/api/clients/${w.beacon}`, w.beacon);
      new Image().src = `/${w.image}.png`;
      new Image().src = `https://clinic.invalid/${w.forbidden}.png`;
      try {
        new WebSocket(`ws://127.0.0.1:1/${w.socket}`);
      } catch {
        // the policy forbids it
      }
    }, words);
  }

  /** Measures while nothing can be sent; the page is then left, which is when it is stored. Resolves with what is at rest then. */
  async offline(): Promise<AtRest> {
    const words = this.#words({
      error: 'browser: error while offline',
      call: 'browser: call while offline',
      path: 'browser: path while offline',
    });
    await this.#context.setOffline(true);
    await this.#page.evaluate(async (w) => {
      history.pushState(null, '', `/clients/${w.path}`);
      setTimeout(() => {
        throw new Error(w.error);
      });
      await fetch(`/api/clients/${w.call}`).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 100));
      dispatchEvent(new PageTransitionEvent('pagehide', { persisted: false }));
    }, words);
    const atRest = await this.atRest();
    await this.#context.setOffline(false);
    return atRest;
  }

  /**
   * Signs out while an error waits that cannot be sent. Resolves with what is at rest once nobody is signed in, and once the page was
   * left after that.
   */
  async signOut(): Promise<{ signedOut: AtRest; left: AtRest }> {
    await this.#page.goto(`${this.#options.tap.url}/clients/${CLIENT_ID}`);
    await this.#page.getByText(wordOf('client: family name')).first().waitFor();
    const { tap } = this.#options;
    tap.failing = '/telemetry';
    await this.#page.evaluate((type) => {
      setTimeout(() => {
        throw Object.assign(new Error('x'), { name: type });
      });
    }, BEFORE_SIGN_OUT);
    // Before a first failure, what is handed over when the page is left would not be stored. The error may wait behind that batch.
    await eventually(() => tap.exchanges.some(({ status }) => status === 503), {
      within: 30_000,
      what: 'a batch that could not be sent',
    });
    await this.#page.getByRole('button', { name: 'Sign out' }).click();
    await this.#page.getByLabel('Password').waitFor();
    const signedOut = await this.atRest();
    await this.#page.evaluate(() => void dispatchEvent(new PageTransitionEvent('pagehide', { persisted: false })));
    const left = await this.atRest();
    tap.failing = undefined;
    return { signedOut, left };
  }

  /** Resolves when the page has nothing left to send. */
  async sent(count: () => number): Promise<void> {
    let before = -1;
    await eventually(
      () => {
        const now = count();
        const still = now === before && now > 0;
        before = now;
        return still;
      },
      { within: 60_000, every: 3_000, what: 'a page that sends nothing more' },
    );
  }
}
