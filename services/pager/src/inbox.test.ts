import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { UNHEARD_MS } from './inbox.ts';

interface Route {
  readonly receiver: string;
  readonly repeat_interval: string;
  readonly routes?: readonly Route[];
}

it.each(['alertmanager.yml', 'alertmanager.production.yml'])(
  'what fires is taken for over only when %s would have repeated it',
  (file) => {
    const text = readFileSync(join(import.meta.dirname, '../../../alertmanager', file), 'utf8');
    const { route } = parse(text) as { route: Route };
    const hours = (interval = '') => Number(/^(\d+)h$/.exec(interval)?.[1]) * 3_600_000;
    const pages = route.routes?.find(({ receiver }) => receiver.includes('on-call'));
    expect(hours(pages?.repeat_interval)).toBeLessThan(UNHEARD_MS.page);
    expect(hours(route.repeat_interval)).toBeLessThan(UNHEARD_MS.ticket);
  },
);
