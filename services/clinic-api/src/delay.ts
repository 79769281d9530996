import type { IncomingMessage } from 'node:http';
import type { ManagementHandler } from '@clinic/instrumentation/node/management';
import { z } from 'zod';

/** Makes page documents slow, for drills that must see a page arrive. Off until it is switched on. */
export interface PageDelay {
  /** Resolves after the delay that is set. */
  wait(): Promise<void>;
  /** `GET /delay` and `PUT /delay` for the management port; none in production. */
  readonly routes: Readonly<Record<string, ManagementHandler>>;
}

const body = z.strictObject({ page_ms: z.int().min(0).max(30_000) });
const MAX_BYTES = 1024;

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) {
    text += chunk;
    if (text.length > MAX_BYTES) return '';
  }
  return text;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const NO_DELAY: PageDelay = { wait: () => Promise.resolve(), routes: {} };

/** In production there is nothing to switch on. */
export function pageDelay({ production }: { readonly production: boolean }): PageDelay {
  if (production) return NO_DELAY;
  let pageMs = 0;
  const tell: ManagementHandler = (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ page_ms: pageMs }));
  };
  return {
    wait: () => new Promise((resolve) => (pageMs === 0 ? resolve() : setTimeout(resolve, pageMs))),
    routes: {
      'GET /delay': tell,
      'PUT /delay': async (request, response) => {
        const result = body.safeParse(parsed(await textOf(request)));
        if (!result.success) {
          const title = 'Send {"page_ms": 0..30000}.';
          response
            .writeHead(400, { 'content-type': 'application/problem+json' })
            .end(JSON.stringify({ title, status: 400, code: 'delay_invalid' }));
          return;
        }
        pageMs = result.data.page_ms;
        await tell(request, response);
      },
    },
  };
}
