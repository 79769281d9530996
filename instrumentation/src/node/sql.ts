import { SQL_OPERATIONS } from '@clinic/catalogue/vocabulary';

export interface Summary {
  readonly operation: string;
  /** Only a table that the application declared. */
  readonly table: string | undefined;
  readonly name: string;
}

const CACHE_SIZE = 500;
const CACHED_TEXT = 4096;
const operations = new Set<string>(SQL_OPERATIONS);
/** Comments, strings, dollar quotes: everything that can hold a value. Removed before anything is read. */
const VALUES =
  /--[^\n]*|\/\*[\s\S]*?\*\/|[eE]'(?:[^'\\]|\\[\s\S]|'')*'|'(?:[^']|'')*'|(\$(?:[A-Za-z_]\w*)?\$)[\s\S]*?\1/g;
const VERB = /^[\s(]*([A-Za-z]+)/;
const TABLE = /\b(?:from|into|update|join|copy)\s+(?:only\s+)?"?([A-Za-z_][\w$]*)"?(?:\."?([A-Za-z_][\w$]*)"?)?/gi;

/** Verb and declared table of an SQL text; never any other part of it. */
export function sqlSummariser(tables: readonly string[]): (sql: string) => Summary {
  const known = new Set(tables);
  const cache = new Map<string, Summary>();
  return (sql) => {
    const cached = cache.get(sql);
    if (cached) return cached;
    const text = sql.length > CACHED_TEXT ? sql.slice(0, CACHED_TEXT) : sql;
    const bare = text.replace(VALUES, ' ');
    let verb = VERB.exec(bare)?.[1]?.toUpperCase() ?? 'OTHER';
    if (verb === 'WITH') verb = /\)\s*(insert|update|delete|merge|select)\b/i.exec(bare)?.[1]?.toUpperCase() ?? 'OTHER';
    const operation = operations.has(verb) ? verb : 'OTHER';
    // The first declared one: `extract(epoch FROM column)` names none.
    let table: string | undefined;
    for (const [, first, second] of bare.matchAll(TABLE)) {
      const found = (second ?? first)?.toLowerCase();
      if (found === undefined || !known.has(found)) continue;
      table = found;
      break;
    }
    const summary = { operation, table, name: table ? `${operation} ${table}` : operation };
    if (sql.length <= CACHED_TEXT && cache.size < CACHE_SIZE) cache.set(sql, summary);
    return summary;
  };
}
