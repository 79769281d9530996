import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { SourceMap, type SourceMapPayload } from 'node:module';
import { join } from 'node:path';
import { nameHash } from '../browser/frames.ts';
import type { ErrorItem, Frame } from '../browser/wire.ts';
import type { Place } from './enclosing-function.ts';
import type { ManagementHandler } from './management.ts';

export interface StacksOptions {
  /** Folder of the web app's built scripts. */
  readonly scripts: string;
  /** Folder of their source maps, `<script>.map`: nowhere that is served. */
  readonly maps: string;
  /** Stacks kept; the one that was seen longest ago is forgotten first. */
  readonly capacity?: number;
}

export interface ResolvedFrame {
  /** Path of the source file as the build knows it, line and column from 1. Without a map: of the built script. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Name of the innermost named function around it. */
  readonly function?: string;
}

interface Stack {
  readonly hash: string;
  readonly type: string;
  readonly page: string;
  readonly frames: readonly Frame[];
  count: number;
  /** Epoch milliseconds. */
  readonly first: number;
  last: number;
}

function scriptsIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => name.endsWith('.js'));
  } catch {
    return [];
  }
}

/**
 * Places of errors in the web app's own build. Frames name scripts by hash; one of a script that is not in the folder is left
 * out, so that nothing but places of our own code is ever kept or shown.
 */
export class Stacks {
  readonly #options: Required<StacksOptions>;
  readonly #files: ReadonlyMap<string, string>;
  readonly #stacks = new Map<string, Stack>();

  /** Of a folder that cannot be read no script is known. */
  constructor({ capacity = 500, ...folders }: StacksOptions) {
    this.#options = { capacity, ...folders };
    this.#files = new Map(scriptsIn(folders.scripts).map((name) => [nameHash(name), name]));
  }

  /** Keeps the place of an error, if it has a frame of our own. */
  add({ n: type, p: page, f }: Pick<ErrorItem, 'n' | 'p' | 'f'>, now: number): void {
    const frames = f.filter(([file]) => this.#files.has(file));
    if (frames.length === 0) return;
    const hash = createHash('sha256')
      .update(JSON.stringify([type, frames]))
      .digest('hex')
      .slice(0, 16);
    const stack = this.#stacks.get(hash) ?? { hash, type, page, frames, count: 0, first: now, last: now };
    stack.count++;
    stack.last = now;
    this.#stacks.delete(hash);
    this.#stacks.set(hash, stack);
    if (this.#stacks.size > this.#options.capacity) this.#stacks.delete(this.#stacks.keys().next().value!);
  }

  /** What is kept, the last seen first. */
  list(): Omit<Stack, 'frames'>[] {
    return [...this.#stacks.values()].reverse().map(({ frames: _, ...stack }) => stack);
  }

  /** The frames as places in the sources, innermost first; undefined for a hash that is not kept. */
  async resolve(hash: string): Promise<ResolvedFrame[] | undefined> {
    const stack = this.#stacks.get(hash);
    if (!stack) return;
    const hashes = new Set(stack.frames.map(([file]) => file));
    const scripts = new Map(
      await Promise.all([...hashes].map(async (file) => [file, await this.#read(this.#files.get(file)!)] as const)),
    );
    return stack.frames.map(([file, line, column]) => scripts.get(file)!({ line, column }));
  }

  /** Parses a script and its map; returns a function that finds the source of a place in it. */
  async #read(script: string): Promise<(place: Place) => ResolvedFrame> {
    try {
      const map = new SourceMap(
        JSON.parse(await readFile(join(this.#options.maps, `${script}.map`), 'utf8')) as SourceMapPayload,
      );
      const { functionsOf } = await import('./enclosing-function.ts'); // with a parser that is seldom needed
      const functionAt = functionsOf(await readFile(join(this.#options.scripts, script), 'utf8'));
      return (place) => {
        const origin = map.findOrigin(place.line, place.column);
        if (!('fileName' in origin)) return { file: script, ...place };
        const named = functionAt(place);
        const entry = named && map.findEntry(named.line - 1, named.column - 1);
        const name = entry && 'name' in entry ? entry.name : undefined; // its type says object, it is a text
        return {
          file: origin.fileName.replace(/^(\.\.\/)+/, ''),
          line: origin.lineNumber,
          column: origin.columnNumber,
          ...(typeof name === 'string' ? { function: name } : {}),
        };
      };
    } catch {
      return (place) => ({ file: script, ...place }); // no map of this script, or one that cannot be read
    }
  }

  /** For the management port: `GET /stacks` lists what is kept, `GET /stacks/<hash>` resolves one. */
  get routes(): Readonly<Record<string, ManagementHandler>> {
    return {
      'GET /stacks': (_request, response) => {
        response.setHeader('content-type', 'application/json').end(JSON.stringify(this.list()));
      },
      'GET /stacks/*': async (request, response) => {
        const hash = /^\/stacks\/([0-9a-f]{16})$/.exec(request.url ?? '')?.[1];
        const frames = hash && (await this.resolve(hash));
        response.setHeader('content-type', 'application/json');
        if (frames) response.end(JSON.stringify({ hash, frames }));
        else
          response.writeHead(404).end(JSON.stringify({ title: 'No error with this stack was seen since the start.' }));
      },
    };
  }
}
