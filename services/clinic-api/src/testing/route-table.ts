import express from 'express';
import { type AppOptions, createApp, routesOf } from '../app.ts';
import type { Route } from '../route.ts';

/** Answers every question with itself and keeps nothing: enough to make handlers that are never called. */
const anything: unknown = new Proxy(() => anything, {
  get: (_, key) => (key === 'then' ? undefined : anything),
  set: () => true,
});

/** Every option, whatever it is called. */
const options = (known: Partial<AppOptions> = {}) =>
  new Proxy(known, { get: (target, key) => Reflect.get(target, key) ?? anything }) as AppOptions;

/** The table of routes, to be read. */
export const readRoutes = (): readonly Route[] => routesOf(options());

/** `METHOD /path` of what Express serves before the pages. */
export function servedRoutes(): string[] {
  const app = createApp(options({ web: express.Router(), proxies: 0 }));
  return app.router.stack.flatMap(({ route }) =>
    route ? route.stack.map(({ method }) => `${method.toUpperCase()} ${route.path}`) : [],
  );
}
