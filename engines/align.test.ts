import { expect, test } from 'vitest';
import { MAY_BE_RAISED, toRaise } from './align.mjs';

test.each(Object.keys(MAY_BE_RAISED))('%s shares with Prometheus what it can: node engines/align.mjs', (recipe) => {
  expect(toRaise(recipe)).toEqual([]);
});
