/** One address of a server behind the preview that a browser may ask, and with which parameters. */
interface Allowed {
  readonly path: RegExp;
  readonly parameters: readonly string[];
  /** POST carries a query that is too long for an address; it changes nothing either. */
  readonly post?: true;
}

const RANGE = ['start', 'end'] as const;
const MATCH = ['match[]', ...RANGE, 'limit'] as const;

/** Servers behind the preview, by the first word of the path below `/api/`. */
export const ALLOWED = {
  prometheus: [
    { path: /^\/api\/v1\/query$/, parameters: ['query', 'time', 'timeout', 'limit'], post: true },
    { path: /^\/api\/v1\/query_range$/, parameters: ['query', ...RANGE, 'step', 'timeout', 'limit'], post: true },
    { path: /^\/api\/v1\/query_exemplars$/, parameters: ['query', ...RANGE], post: true },
    { path: /^\/api\/v1\/series$/, parameters: MATCH, post: true },
    { path: /^\/api\/v1\/labels$/, parameters: MATCH, post: true },
    { path: /^\/api\/v1\/label\/[a-zA-Z_]\w*\/values$/, parameters: MATCH },
    { path: /^\/api\/v1\/metadata$/, parameters: ['metric', 'limit', 'limit_per_metric'] },
    { path: /^\/api\/v1\/rules$/, parameters: ['type'] },
  ],
  tempo: [
    { path: /^\/api\/traces\/[0-9a-fA-F]{1,32}$/, parameters: RANGE },
    { path: /^\/api\/search$/, parameters: ['q', 'limit', 'spss', ...RANGE] },
  ],
} as const satisfies Record<string, readonly Allowed[]>;

export type Upstream = keyof typeof ALLOWED;

export type Verdict =
  | {
      readonly kind: 'allowed';
      readonly path: string;
      readonly query: string;
      /** That a form may have. */
      readonly parameters: readonly string[];
    }
  | { readonly kind: 'unknown-path' }
  | { readonly kind: 'method'; readonly allow: string }
  | { readonly kind: 'parameters' };

/**
 * Whether a request may go on to a server. The path and query that come back are the only ones to send: built anew from what was
 * understood, so that nothing which was not looked at gets through.
 * @param path below `/api/<upstream>`, still percent-encoded
 */
export function judge(upstream: Upstream, method: string, path: string, query: string): Verdict {
  const allowed: Allowed | undefined = ALLOWED[upstream].find((one) => one.path.test(path));
  if (!allowed) return { kind: 'unknown-path' };
  const methods = allowed.post ? ['GET', 'POST'] : ['GET'];
  if (!methods.includes(method)) return { kind: 'method', allow: methods.join(', ') };
  const { parameters } = allowed;
  const parsed = onlyParameters(parameters, query);
  return parsed === undefined ? { kind: 'parameters' } : { kind: 'allowed', path, query: parsed, parameters };
}

/** The parameters as text to send, from a query or the body of a form; undefined when one has another name. */
export function onlyParameters(names: readonly string[], text: string): string | undefined {
  const parameters = new URLSearchParams(text);
  for (const name of parameters.keys()) if (!names.includes(name)) return undefined;
  return parameters.toString();
}
