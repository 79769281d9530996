import { UNKNOWN_ROUTE } from '@clinic/catalogue/routes';

export interface Routes {
  /** Documents. */
  readonly pages: readonly string[];
  /** Timed as `api_call`. */
  readonly api: readonly string[];
  /** Served as well, timed as neither. */
  readonly other?: readonly string[];
}

export interface Route {
  /** For example `/clients/:id`. */
  readonly template: string;
  readonly kind: 'page' | 'api' | 'other';
}

interface Node {
  readonly literal: Map<string, Node>;
  parameter?: Node;
  route?: Route;
}

const newNode = (): Node => ({ literal: new Map() });

export const UNKNOWN: Route = { template: UNKNOWN_ROUTE, kind: 'other' };

/**
 * Finds the declared route template of a URL path, e.g. `/clients/42` -> `/clients/:id`.
 *
 * Express tells the template only after a handler ran, loses the mount prefix when a handler fails, and puts the *value* of
 * a mount path's parameter in `req.baseUrl`. A closed list has none of these faults, and the route is known from the first
 * moment, so that a slow event in the middle of a request carries it.
 */
export class RouteTable {
  readonly #root = newNode();
  readonly routes: readonly Route[];

  /** Throws a TypeError for a template of another form than `/literal/:parameter`, and for one that is declared twice. */
  constructor({ pages, api, other = [] }: Routes) {
    this.routes = [
      ...pages.map((template): Route => ({ template, kind: 'page' })),
      ...api.map((template): Route => ({ template, kind: 'api' })),
      ...other.map((template): Route => ({ template, kind: 'other' })),
    ];
    for (const route of this.routes) this.#add(route);
  }

  #add(route: Route): void {
    const { template } = route;
    if (!/^(?:\/|(?:\/(?::?[\w.-]+))+)$/.test(template)) {
      throw new TypeError(
        `the template ${JSON.stringify(template)} is not supported: use /literal and /:parameter segments only`,
      );
    }
    let node = this.#root;
    for (const segment of template.split('/').slice(1)) {
      if (segment.startsWith(':')) {
        node.parameter ??= newNode();
        node = node.parameter;
        continue;
      }
      const key = segment.toLowerCase();
      let next = node.literal.get(key);
      if (!next) {
        next = newNode();
        node.literal.set(key, next);
      }
      node = next;
    }
    if (node.route) throw new TypeError(`${node.route.template} and ${template} are the same route: declare it once`);
    node.route = route;
  }

  /** `url` is a request target: the query is ignored, as are case and one trailing slash (Express' defaults). */
  find(url: string): Route {
    const query = url.indexOf('?');
    let end = query < 0 ? url.length : query;
    if (end > 1 && url.charCodeAt(end - 1) === 47) end--;
    return descend(this.#root, url, 0, end) ?? UNKNOWN;
  }
}

function descend(node: Node, url: string, start: number, end: number): Route | undefined {
  if (start >= end && start > 0) return node.route;
  let stop = url.indexOf('/', start + 1);
  if (stop < 0 || stop > end) stop = end;
  const segment = url.slice(start + 1, stop);
  const literal = node.literal.get(segment) ?? node.literal.get(segment.toLowerCase());
  if (literal) {
    const found = descend(literal, url, stop, end);
    if (found) return found;
  }
  return node.parameter && segment !== '' ? descend(node.parameter, url, stop, end) : undefined;
}
