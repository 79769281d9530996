/** Prometheus' words about a query that it cannot read, and where in the query. */
export interface PromqlError {
  readonly message: string;
  /** Offsets in the query's text; absent when it does not say where. */
  readonly at?: { readonly from: number; readonly to: number };
}

/** Finds the place in `1:7: parse error: …`, which counts lines and bytes from 1. */
export function promqlError(message: string, query: string): PromqlError {
  const [, line, column, reason] = /(\d+):(\d+): (parse error: [\s\S]*)$/.exec(message) ?? [];
  if (!line || !column || !reason) return { message };
  const lines = query.split('\n').slice(0, Number(line) - 1);
  const before = lines.reduce((sum, text) => sum + text.length + 1, 0);
  const from = Math.min(query.length, before + Number(column) - 1);
  return { message: reason, at: { from, to: Math.min(query.length, from + 1) } };
}
