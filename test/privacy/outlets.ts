import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Planted } from './places.ts';
import type { PrivacyStack } from './privacy-stack.ts';

/** Where bytes leave, or stay: what is found there of what was planted. */
export type Leaks = Map<string, Set<string>>;

/**
 * Folders of the run that are made to hold a person's data. Backups are not, as they are encrypted; but the newest changes are not
 * yet one: the database's own log lies in the spool until it is sealed.
 */
const MADE_FOR_DATA = ['postgres-data/', 'documents/', 'secrets/', 'sentinel-data/backup/spool/'];

/** Searches one outlet after the other; a text that is looked at twice counts once. */
export class Outlets {
  readonly #planted: Planted;
  readonly leaks: Leaks = new Map();
  /** Outlets and how many bytes were searched of each. */
  readonly searched = new Map<string, number>();

  constructor(planted: Planted) {
    this.#planted = planted;
  }

  search(outlet: string, bytes: Buffer | string): void {
    this.searched.set(outlet, (this.searched.get(outlet) ?? 0) + bytes.length);
    for (const place of this.#planted.foundIn(bytes)) {
      const places = this.leaks.get(outlet) ?? new Set();
      this.leaks.set(outlet, places.add(place));
    }
  }

  /** `outlet: place` of each leak. */
  get found(): string[] {
    return [...this.leaks].flatMap(([outlet, places]) => [...places].map((place) => `${outlet}: ${place}`));
  }

  taps({ taps: { otlp, tempo, prometheus, recorder, clinic } }: Pick<PrivacyStack, 'taps'>): void {
    for (const { url, headers, body } of otlp.exchanges) {
      const signal = url.split('/').at(-1);
      this.search(
        `OTLP ${signal} to the Collector`,
        Buffer.concat([Buffer.from(`${url}\n${headers.join('\n')}\n`), body]),
      );
    }
    for (const [name, tap] of Object.entries({ tempo, prometheus, recorder })) {
      this.search(`Collector to ${name}`, tap.sent);
    }
    for (const { url, headers, body } of clinic.exchanges) {
      if (!url.startsWith('/telemetry')) continue;
      // Cookies go with every request to the clinic's own address; the clinic sets none, and nothing reads them.
      const told = headers.filter((_, index) => headers[index - (index % 2)]?.toLowerCase() !== 'cookie');
      this.search('browser to /telemetry', Buffer.concat([Buffer.from(`${url}\n${told.join('\n')}\n`), body]));
    }
  }

  async metrics(pages: Readonly<Record<string, string>>): Promise<void> {
    for (const [name, url] of Object.entries(pages)) {
      const response = await fetch(url, { headers: { accept: 'application/openmetrics-text; version=1.0.0' } });
      if (!response.ok) throw new Error(`${url} answered ${response.status}`);
      this.search(`metrics of ${name}`, await response.text());
    }
  }

  logs(state: string): void {
    for (const file of readdirSync(join(state, 'logs'))) {
      this.search(`log of ${file.replace(/\.log.*/, '')}`, readFileSync(join(state, 'logs', file)));
    }
  }

  /** Every file of the run but those that are made for it; SQLite files also row by row. */
  files(state: string): void {
    const paths = readdirSync(state, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name));
    for (const path of paths) {
      const [folder = ''] = relative(state, path).split('/');
      if ([...MADE_FOR_DATA, 'logs/'].some((each) => relative(state, path).startsWith(each))) continue;
      let bytes: Buffer;
      try {
        bytes = readFileSync(path);
      } catch {
        continue; // an engine has removed it
      }
      this.search(`files in ${folder}`, bytes);
      if (path.endsWith('.sqlite')) this.search(`rows in ${folder}`, rowsOf(path));
    }
  }

  /** All that Prometheus can tell. */
  async prometheus(url: string): Promise<void> {
    const get = async (path: string) => {
      const response = await fetch(`${url}/api/v1/${path}`);
      if (!response.ok) throw new Error(`Prometheus answered ${response.status} to ${path}`);
      const text = await response.text();
      this.search('API of Prometheus', text);
      return (JSON.parse(text) as { data: unknown }).data;
    };
    const all = encodeURIComponent('{__name__=~".+"}');
    for (const name of (await get('labels')) as string[]) await get(`label/${encodeURIComponent(name)}/values`);
    const window = `start=${Math.floor(Date.now() / 1000) - 7200}&end=${Math.ceil(Date.now() / 1000) + 60}`;
    for (const path of ['metadata', 'targets', 'rules', 'alerts', `series?match[]=${all}&${window}`]) await get(path);
    const exemplars = (await get(`query_exemplars?query=${all}&${window}`)) as unknown[];
    if (exemplars.length === 0) throw new Error('Prometheus holds no exemplar: none could be searched.');
  }

  /** All tags, their values, and every trace, whole. */
  async tempo(url: string): Promise<void> {
    const get = async (path: string) => {
      const response = await fetch(`${url}/api/${path}`);
      if (!response.ok) throw new Error(`Tempo answered ${response.status} to ${path}`);
      const text = await response.text();
      this.search('API of Tempo', text);
      return JSON.parse(text) as unknown;
    };
    const window = `start=${Math.floor(Date.now() / 1000) - 7200}&end=${Math.ceil(Date.now() / 1000) + 60}`;
    const { scopes } = (await get(`v2/search/tags`)) as { scopes: { name: string; tags?: string[] }[] };
    for (const { name: scope, tags = [] } of scopes) {
      for (const tag of tags) {
        const full = scope === 'intrinsic' ? tag : `${scope}.${tag}`;
        await get(`v2/search/tag/${encodeURIComponent(full)}/values`);
      }
    }
    const { traces = [] } = (await get(`search?limit=2000&${window}`)) as { traces?: { traceID: string }[] };
    if (traces.length === 0) throw new Error('Tempo holds no trace: none could be searched.');
    for (const { traceID } of traces) await get(`traces/${traceID}`);
  }
}

function rowsOf(path: string): string {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const tables = database.prepare(`SELECT name FROM sqlite_schema WHERE type = 'table'`).all();
    return tables.map(({ name }) => JSON.stringify(database.prepare(`SELECT * FROM "${name}"`).all())).join('\n');
  } finally {
    database.close();
  }
}
