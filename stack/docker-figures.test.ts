import { expect, test } from 'vitest';
import { figuresTable, withSection } from './docker-figures.ts';

test('the section is put at the end of a text that has none, and takes the place of an earlier one', () => {
  const once = withSection('# Title\n\n## Before\n\nx\n', 'first');
  expect(once).toMatch(/^# Title\n\n## Before\n\nx\n\n## Docker\n[\s\S]*first\n$/);
  const followed = `${once}\n## After\n\ny\n`;
  const twice = withSection(followed, 'second');
  expect(twice).toContain('## Before\n\nx\n');
  expect(twice).toContain('second\n\n## After\n\ny\n');
  expect(twice).not.toContain('first');
});

test('an image that several services share is listed once', () => {
  const one = { image: 'a:1', kind: 'stand-in' as const, memory: 2 ** 20, limit: 2 ** 21, imageSize: 1e6 };
  const table = figuresTable(
    [
      { ...one, service: 'x' },
      { ...one, service: 'y' },
    ],
    1234,
  );
  expect(table).toContain('1.2 s');
  expect(table).toContain('| **all** | **2 MiB** | **4 MiB** |');
  expect(table.match(/a:1/g)).toHaveLength(1);
});
