import { PAGE_ROUTES } from '@clinic/catalogue/routes';
import { expect, test } from 'vitest';
import { routeMatcher } from './route-matcher.ts';

const match = routeMatcher(PAGE_ROUTES);

test.each([
  ['/', '/'],
  ['/clients', '/clients'],
  ['/clients/', '/clients'],
  ['/clients/3f1c', '/clients/:id'],
  ['/clients/a.b%20c', '/clients/:id'],
  ['/clients/3f1c/notes', 'unknown'],
  ['/nowhere/clients', 'unknown'],
  ['', 'unknown'],
])('%j is %j', (path, route) => {
  expect(match(path)).toBe(route);
});
