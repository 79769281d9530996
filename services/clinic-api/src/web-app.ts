import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PAGE_ROUTES } from '@clinic/catalogue/routes';
import { ConfigurationError } from '@clinic/instrumentation/node/configuration';
import { isSpanContextValid, trace } from '@opentelemetry/api';
import express, { type RequestHandler, Router } from 'express';

export interface WebAppOptions {
  /** Folder of the built web app. */
  readonly root: string;
  /** Awaited before a document is sent. */
  readonly delay: () => Promise<void>;
}

const PLACEHOLDER = '<!--traceparent-->';

/** The trace that the browser's page load joins. */
function traceparent(): string {
  const context = trace.getActiveSpan()?.spanContext();
  if (!context || !isSpanContextValid(context)) return '';
  const { traceId, spanId, traceFlags } = context;
  return `<meta name="traceparent" content="00-${traceId}-${spanId}-0${traceFlags & 1}">`;
}

/** Serves the built web app. Throws a ConfigurationError when there is none. */
export function webApp({ root, delay }: WebAppOptions): Router {
  let html: string;
  try {
    html = readFileSync(join(root, 'index.html'), 'utf8');
  } catch {
    throw new ConfigurationError('WEB_ROOT: the folder holds no index.html. Build the web app, or correct the path.');
  }
  const [before, after, ...more] = html.split(PLACEHOLDER);
  if (after === undefined || more.length > 0) {
    throw new ConfigurationError(`WEB_ROOT: index.html must hold ${PLACEHOLDER} once, in its head.`);
  }

  const page =
    (status: number): RequestHandler =>
    async (_req, res) => {
      await delay();
      res.status(status).set('Cache-Control', 'no-store').type('html').send(`${before}${traceparent()}${after}`);
    };
  const router = Router();
  // The names of built files hold a hash of their content.
  router.use('/assets', express.static(join(root, 'assets'), { immutable: true, maxAge: '1y', index: false }));
  router.get([...PAGE_ROUTES], page(200));
  router.get('/index.html', page(404));
  // Source maps lie in a folder that begins with a dot.
  router.use(express.static(root, { index: false, maxAge: '1h', dotfiles: 'ignore' }));
  router.get(/^\/(?!api\/|assets\/)/, (req, res, next) => {
    if (req.headers.accept?.includes('text/html')) return page(404)(req, res, next);
    next();
  });
  return router;
}
