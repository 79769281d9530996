import express, { type Express, type Request, type RequestHandler, type Response } from 'express';
import { type AuditAction, type AuditEvent, type AuditHashes, record } from './audit.ts';
import type { Database, Query } from './database.ts';
import { PROBLEMS, Problem, type ProblemCode, problemOf, sendProblem } from './problem.ts';
import { endSession, presenceOf, type Role, type Visitor } from './sessions.ts';

/** What is sent once the transaction is committed. */
export interface Answer {
  /** Default: 200. */
  readonly status?: number;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly location?: string;
  /** Refuses, but keeps what was written. Nothing else of the answer is sent. */
  readonly problem?: ProblemCode;
  /** Sends something that is not JSON, in place of `body`. */
  readonly send?: (response: Response) => void | Promise<void>;
  /** What the audit log says of it besides who, what and from where. An `:id` of the path is known already. */
  readonly audit?: Partial<AuditEvent>;
  /** More that happened. */
  readonly also?: readonly AuditEvent[];
}

declare const committed: unique symbol;
/** Proof that an answer was recorded and committed; only `answer` makes it. */
export interface Answered {
  readonly [committed]: true;
}

/** A request that may be served. */
export interface OpenVisit {
  readonly request: Request;
  /**
   * Runs `work` in one transaction, whose last statement writes the audit log, commits, and sends the answer. What takes
   * long (hashing, files, other servers) belongs before it: a transaction holds one of few connections.
   */
  answer(work: (query: Query) => Promise<Answer>): Promise<Answered>;
}

/** A request of somebody who has signed in. */
export interface Visit extends OpenVisit {
  readonly visitor: Visitor;
}

interface Address {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** A template of the catalogue; `:id` is a client's below `/api/clients`, otherwise that of the resource. */
  readonly path: string;
  /** Also for a session that may only enrol a second factor. */
  readonly enrolment?: true;
}

/** Recorded in the audit log: allowed or refused, and by whom. */
export interface RecordedRoute extends Address {
  readonly roles: readonly Role[];
  readonly audit: AuditAction;
  /** Reads the body once the visitor is known. Default: JSON up to 100 kB, for POST and PATCH. */
  readonly body?: RequestHandler;
  readonly handler: (visit: Visit) => Promise<Answered>;
}

/** Recorded in the audit log, for somebody who has not signed in. */
export interface OpenRoute extends Address {
  readonly roles: readonly ['none'];
  readonly audit: AuditAction;
  readonly handler: (visit: OpenVisit) => Promise<Answered>;
}

/** Not recorded, for a written reason. Refusals by role are recorded all the same. */
export interface ExemptRoute extends Address {
  readonly roles: readonly ['none'] | readonly Role[];
  readonly audit: { readonly exempt: string };
  readonly serve: RequestHandler;
}

export type Route = RecordedRoute | OpenRoute | ExemptRoute;

export interface RouteOptions {
  readonly database: Pick<Database, 'query' | 'pooled'>;
  readonly hashes: AuditHashes;
  /** Told of every event once it is committed. */
  readonly recorded: (event: AuditEvent) => void;
}

const json = express.json({ limit: '100kb' });

const visitors = new WeakMap<Request, Visitor>();
/** Who sent a request; for the handler of an {@link ExemptRoute} that is not open to all. */
export function visitorOf(request: Request): Visitor {
  const visitor = visitors.get(request);
  if (!visitor) throw new Error('This route is open to all: nobody has been asked who they are.');
  return visitor;
}

const isOpen = (route: Route): route is Route & { readonly roles: readonly ['none'] } => route.roles[0] === 'none';

const CLIENT_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const RESOURCE_ID = /^(?:[0-9]{1,9}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i;

/** Whom or what the path names, when it has the shape of an id. */
function about(path: string, { id }: Request['params']): Partial<AuditEvent> {
  if (typeof id !== 'string') return {};
  if (path.startsWith('/api/clients/')) return CLIENT_ID.test(id) ? { client_id: id.toLowerCase() } : {};
  return RESOURCE_ID.test(id) ? { resource_id: id.toLowerCase() } : {};
}

/** Runs a middleware; rejects with what it passes on. */
export const run = (middleware: RequestHandler, request: Request, response: Response) =>
  new Promise<void>((resolve, reject) => {
    middleware(request, response, (error?: unknown) => (error ? reject(error) : resolve()));
  });

/** Serves the routes, and nothing else: a request for another one goes on to what follows. */
export function serveRoutes(app: Express, routes: readonly Route[], options: RouteOptions): void {
  for (const route of routes) {
    app[route.method.toLowerCase() as Lowercase<Route['method']>](route.path, serve(route, options));
  }
}

function serve(route: Route, { database, hashes, recorded }: RouteOptions): RequestHandler {
  const { path } = route;
  const action = typeof route.audit === 'string' ? route.audit : undefined;

  /** Commits what `work` did together with its record. */
  async function commit(base: Omit<AuditEvent, 'outcome'>, work: (query: Query) => Promise<Answer>): Promise<Answer> {
    let events: AuditEvent[] = [];
    const answer = await database.pooled(work, async (query, { problem, audit, also = [] }) => {
      const outcome = problem ? 'refused' : 'allowed';
      events = [{ ...base, outcome, ...(problem ? { reason: problem } : {}), ...audit }, ...also];
      // Without waiting in between, so that they go to the database together with the COMMIT.
      await Promise.all(events.map((event) => record(query, event)));
    });
    events.forEach(recorded);
    return answer;
  }

  return async (request, response, next) => {
    const source = hashes.source(request.ip);
    const from = { source, ...about(path, request.params) };
    const answer =
      (base: Omit<AuditEvent, 'outcome'>) =>
      async (work: (query: Query) => Promise<Answer>): Promise<Answered> => {
        const { status = 200, body, location, problem, send } = await commit(base, work);
        if (problem) sendProblem(response, problem);
        else {
          response.status(status);
          if (location !== undefined) response.location(location);
          if (send) await send(response);
          else if (body === undefined) response.end();
          else response.json(body);
        }
        return undefined as unknown as Answered;
      };

    if (isOpen(route)) {
      if ('serve' in route) return route.serve(request, response, next);
      await run(json, request, response);
      await (route as OpenRoute).handler({ request, answer: answer({ ...from, action: route.audit as AuditAction }) });
      return;
    }

    const { visitor, over } = await presenceOf(database.query, request.headers.authorization);
    if (!visitor) throw new Problem('signed_out');
    const { user, scope, tokenHash } = visitor;
    const actor = { ...from, actor_id: user.id, actor_role: user.role };
    if (over) {
      await commit({ ...actor, action: 'session_expired' }, async (query) => {
        // Ended by another request at the same moment, which records it.
        if (!(await endSession(query, tokenHash))) throw new Problem('signed_out');
        return { problem: 'signed_out' };
      });
      throw new Problem('signed_out');
    }
    const refuse = async (code: ProblemCode, detail: Partial<AuditEvent> = {}) => {
      await commit({ ...actor, action: action ?? 'authorization' }, async () => ({ problem: code, audit: detail }));
    };
    const forbidden =
      scope === 'enrolment' && !route.enrolment
        ? 'second_factor_enrolment_needed'
        : (route.roles as readonly Role[]).includes(user.role)
          ? undefined
          : 'role_refused';
    if (forbidden) {
      await refuse(forbidden);
      throw new Problem(forbidden);
    }
    visitors.set(request, visitor);
    if ('serve' in route) return route.serve(request, response, next);
    const { handler, body, audit, method } = route as RecordedRoute;
    try {
      if (body || method === 'POST' || method === 'PATCH') await run(body ?? json, request, response);
      await handler({ request, visitor, answer: answer({ ...actor, action: audit }) });
    } catch (error) {
      const code = problemOf(error);
      // What failed on our side was not refused, and was not done either.
      if (PROBLEMS[code][0] < 500 && !response.headersSent) {
        await refuse(code, error instanceof Problem ? error.about : {});
      }
      throw error;
    }
  };
}
