import type { ExploreState } from './explore-url.ts';

export interface PastQuery {
  readonly kind: ExploreState['kind'];
  readonly query: string;
}

const KEY = 'preview.explore.history';
const KEPT = 30;

/** Queries asked in this browser, the last one first. Nothing but the query is kept, and it does not leave the browser. */
export function readHistory(): PastQuery[] {
  try {
    const list: unknown = JSON.parse(localStorage.getItem(KEY) ?? '[]');
    return Array.isArray(list) ? (list as PastQuery[]).filter(({ kind, query }) => kind && query) : [];
  } catch {
    return [];
  }
}

export function remember({ kind, query }: PastQuery): void {
  const others = readHistory().filter((past) => past.kind !== kind || past.query !== query);
  localStorage.setItem(KEY, JSON.stringify([{ kind, query }, ...others].slice(0, KEPT)));
}

export function forgetAll(): void {
  localStorage.removeItem(KEY);
}
