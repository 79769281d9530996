/** The queue of accesses to look into, for administrators. Ids of clients are shown here and nowhere else. */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Pool } from 'pg';
import { z } from 'zod';
import { PENDING } from './audit-metrics.ts';
import { keyedHash } from './explanations.ts';
import { DAY_MS, type Notebook, VERDICTS } from './notebook.ts';
import { PAGE_POLICY, queuePage, type ReviewGroup, type ReviewItem, signInPage } from './review-page.ts';

export interface ReviewSiteOptions {
  readonly database: Pool;
  readonly notebook: Notebook;
  readonly clinicUrl: string;
  readonly auditKey: string;
  /** How many proxies in front of it write X-Forwarded-For; 0: none, the header is not believed. */
  readonly proxies: number;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Reads what was signed off back from the audit log. */
  readonly reviewed: () => Promise<void>;
}

const PATH = '/access-review';
const COOKIE = 'access_review';
const BODY_LIMIT = 64_000;
const IDLE_MS = 15 * 60_000;
const MAX_SESSIONS = 50;
const CLINIC_TIMEOUT_MS = 10_000;
/** Accesses that one page shows. */
const SHOWN = 300;

const clinicSession = z.object({
  user: z.object({ id: z.number().int(), name: z.string(), role: z.string() }),
  scope: z.string(),
});
type Member = z.output<typeof clinicSession>['user'];
const token = z.object({ access_token: z.string().min(1) });
const problem = z.object({ code: z.string() });

/** Why a sign-in failed, by the code of the clinic. */
const REFUSALS: Readonly<Record<string, string>> = {
  credentials_wrong: 'The e-mail address or the password is wrong.',
  second_factor_needed: 'Type the code of your authenticator too.',
  second_factor_wrong: 'The code is wrong or was used already.',
  sign_in_throttled: 'Too many failed sign-ins. Wait some minutes.',
  account_locked: 'The account is locked. Another administrator can unlock it.',
};
const ADMINS_ONLY = 'Only administrators, with a second factor, review accesses.';

interface Session {
  readonly token: string;
  /** Epoch milliseconds. */
  seen: number;
}

/** Answers what is below /access-review; false for other paths. */
export function createReviewSite(options: ReviewSiteOptions) {
  const { clinicUrl, now } = options;
  const sessions = new Map<string, Session>();

  const clinic = (path: string, init: RequestInit) =>
    fetch(`${clinicUrl}${path}`, { ...init, signal: AbortSignal.timeout(CLINIC_TIMEOUT_MS) });
  /** Who holds a token, as the clinic says now; undefined when it does not count any more. */
  const memberOf = async (bearer: string): Promise<Member | undefined> => {
    const answer = await clinic('/api/session', { headers: { authorization: `Bearer ${bearer}` } });
    if (!answer.ok) return undefined;
    const { user, scope } = clinicSession.parse(await answer.json());
    return scope === 'full' ? user : undefined;
  };
  const signOut = async (bearer: string, address: string) =>
    void (await clinic('/auth', {
      method: 'DELETE',
      headers: { authorization: `Bearer ${bearer}`, 'x-forwarded-for': address },
    }));

  const route = async (request: IncomingMessage, response: ServerResponse, path: string) => {
    const action = `${request.method} ${path.slice(PATH.length)}`;
    if (request.method === 'POST' && !sameOrigin(request))
      return send(response, 403, signInPage('Open this page itself, and try again.'));
    const address = addressOf(request, options.proxies);
    const source = keyedHash(options.auditKey, 'source', address);

    if (action === 'POST /sign-in') {
      const form = await formOf(request);
      const answer = await clinic('/auth', {
        method: 'POST',
        // Without it the clinic would take guesses for those of a browser that administrators sign in from.
        headers: { 'content-type': 'application/json', 'x-forwarded-for': address },
        body: JSON.stringify({
          email: form.get('email') ?? '',
          password: form.get('password') ?? '',
          code: form.get('code') ?? '',
        }),
      });
      const said: unknown = await answer.json();
      if (!answer.ok) {
        const code = problem.safeParse(said).data?.code ?? '';
        return send(response, answer.status, signInPage(REFUSALS[code] ?? 'The clinic did not let you in.'));
      }
      const bearer = token.parse(said).access_token;
      const member = await memberOf(bearer);
      if (member?.role !== 'admin') {
        await record(options.database, [
          { action: 'access_queue_read', outcome: 'refused', reason: 'role_refused', member, source },
        ]);
        await signOut(bearer, address);
        return send(response, 403, signInPage(ADMINS_ONLY));
      }
      const created = randomBytes(32).toString('base64url');
      if (sessions.size >= MAX_SESSIONS) sessions.delete(sessions.keys().next().value!);
      sessions.set(created, { token: bearer, seen: now() });
      const secure = request.headers['x-forwarded-proto'] === 'https' ? '; Secure' : '';
      response.setHeader('set-cookie', `${COOKIE}=${created}; HttpOnly; SameSite=Strict; Path=${PATH}${secure}`);
      return redirect(response);
    }

    const id = cookieOf(request);
    const found = id === undefined ? undefined : sessions.get(id);
    const current = found && now() - found.seen <= IDLE_MS ? found : undefined;
    const member = current && (await memberOf(current.token));
    if (!current || member?.role !== 'admin') {
      if (id !== undefined) sessions.delete(id);
      return send(response, action === 'GET ' ? 200 : 401, signInPage());
    }
    current.seen = now();
    if (action === 'POST /sign-out') {
      sessions.delete(id!);
      await signOut(current.token, address);
      return redirect(response);
    }
    if (action === 'GET ') {
      await record(options.database, [{ action: 'access_queue_read', outcome: 'allowed', member, source }]);
      return send(response, 200, queuePage(await queueFor(options, member)));
    }
    if (action === 'POST /sign-off') {
      const said = await signOff(options, member, source, await formOf(request));
      return said ? send(response, 422, queuePage({ ...(await queueFor(options, member)), said })) : redirect(response);
    }
    send(response, 404, signInPage('There is nothing at this address.'));
  };

  return (path: string, request: IncomingMessage, response: ServerResponse): boolean => {
    if (path !== PATH && !path.startsWith(`${PATH}/`)) return false;
    route(request, response, path).catch(() => {
      // Clinic or database do not answer, or the access could not be recorded: then nothing is shown.
      if (response.headersSent) response.destroy();
      else send(response, 503, signInPage('This cannot be shown at the moment. Try again.'));
    });
    return true;
  };
}

/** What waits, by person and day, newest day first. */
async function queueFor({ database, notebook }: ReviewSiteOptions, reviewer: Member) {
  const items = notebook.all<ReviewItem & { actor: number; role: string }>(
    `SELECT seq, at, action, client, explanation, reason, actor, role ${PENDING} ORDER BY at / ${DAY_MS} DESC, actor, seq LIMIT ${SHOWN}`,
  );
  const { rows } = await database.query<{ id: number; name: string }>('SELECT id, name FROM users');
  const names = new Map(rows.map(({ id, name }) => [id, name]));
  const groups = Map.groupBy(items, ({ actor, at }) => `${actor} ${Math.floor(at / DAY_MS)}`);
  return {
    reviewer: reviewer.name,
    pending: notebook.get<{ count: number }>(`SELECT count(*) AS count ${PENDING}`)!.count,
    groups: [...groups.values()].map((found): ReviewGroup => {
      const { actor, role, at } = found[0]!;
      const flags = notebook.all<{ pattern: string }>(
        'SELECT pattern FROM flags WHERE actor = ? AND day = ?',
        ...[actor, Math.floor(at / DAY_MS)],
      );
      return {
        who: names.get(actor) ?? `Account ${actor}`,
        role,
        day: new Date(at).toISOString().slice(0, 10),
        flags: flags.map(({ pattern }) => pattern),
        items: found,
        own: actor === reviewer.id,
      };
    }),
  };
}

const signOffForm = z.object({
  verdict: z.enum(VERDICTS),
  seq: z.array(z.coerce.number().int().positive()).min(1).max(SHOWN),
});

/** Records that accesses were reviewed; resolves with what is wrong with the form, if anything is. */
async function signOff(
  { database, notebook, reviewed }: ReviewSiteOptions,
  member: Member,
  source: string,
  form: URLSearchParams,
): Promise<string | undefined> {
  const parsed = signOffForm.safeParse({ verdict: form.get('verdict'), seq: form.getAll('seq') });
  if (!parsed.success) return 'Tick at least one access and choose a finding.';
  const { verdict, seq: chosen } = parsed.data;
  const waiting = chosen.map((seq) =>
    notebook.get<{ seq: number; actor: number; client: string }>(
      `SELECT seq, actor, client ${PENDING} AND a.seq = ?`,
      seq,
    ),
  );
  if (waiting.some((access) => access?.actor === member.id)) return 'Somebody else has to review what you did.';
  const accesses = waiting.filter((access) => access !== undefined);
  if (accesses.length < chosen.length) return 'Some of these were reviewed meanwhile. Look at the queue again.';
  await record(
    database,
    accesses.map(({ seq, client }) => ({
      action: 'access_reviewed',
      outcome: 'allowed',
      reason: verdict,
      member,
      source,
      client,
      resource: String(seq),
    })),
  );
  await reviewed();
  return undefined;
}

interface Recorded {
  readonly action: 'access_queue_read' | 'access_reviewed';
  readonly outcome: 'allowed' | 'refused';
  readonly member: Member | undefined;
  readonly source: string;
  readonly reason?: string;
  readonly client?: string;
  readonly resource?: string;
}

/** Into the audit log, all or nothing. */
async function record(database: Pool, events: readonly Recorded[]): Promise<void> {
  await database.query(
    `INSERT INTO audit_log (actor_id, actor_role, action, outcome, reason, client_id, resource_id, source)
     SELECT actor_id, actor_role, action, outcome, reason, client_id, resource_id, decode(source, 'hex')
     FROM json_to_recordset($1) AS event (actor_id integer, actor_role text, action text, outcome text, reason text,
       client_id uuid, resource_id text, source text)`,
    [
      JSON.stringify(
        events.map(({ action, outcome, member, source, reason, client, resource }) => ({
          actor_id: member?.id,
          actor_role: member?.role,
          action,
          outcome,
          reason,
          client_id: client,
          resource_id: resource,
          source,
        })),
      ),
    ],
  );
}

/** Where a request comes from, as the last of the proxies that are believed says. */
function addressOf({ headers, socket }: IncomingMessage, proxies: number): string {
  const forwarded = String(headers['x-forwarded-for'] ?? '')
    .split(',')
    .map((each) => each.trim())
    .filter(Boolean);
  const path = [...forwarded, socket.remoteAddress ?? ''];
  return path.at(Math.max(-1 - proxies, -path.length))!.replace(/^::ffff:/, '');
}

/** Browsers say where a form was; one that does not, or names another site, is refused. */
function sameOrigin({ headers }: IncomingMessage): boolean {
  try {
    return new URL(headers.origin ?? '').host === headers.host;
  } catch {
    return false;
  }
}

const cookieOf = ({ headers }: IncomingMessage) =>
  new RegExp(`(?:^|; )${COOKIE}=([\\w-]{43})(?:;|$)`).exec(headers.cookie ?? '')?.[1];

async function formOf(request: IncomingMessage): Promise<URLSearchParams> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > BODY_LIMIT) throw new Error('a form of this size is none of ours');
    chunks.push(chunk);
  }
  return new URLSearchParams(Buffer.concat(chunks).toString('utf8'));
}

function send(response: ServerResponse, status: number, html: string): void {
  response
    .writeHead(status, {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'content-security-policy': PAGE_POLICY,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'same-origin',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
    })
    .end(html);
}

const redirect = (response: ServerResponse) =>
  response.writeHead(303, { location: PATH, 'cache-control': 'no-store' }).end();
