import type { ItemKind, WireItem } from './wire.ts';

type Part = string | number | undefined;

/** No more decimals than a clock has. */
const rounded = (value: number): number => Math.round(value * 1e3) / 1e3;

/** The lists of wire.ts. `word` gives the place of a word; `home` is the page that need not be told. */
function listOf(item: WireItem, time: number, home: string, word: (text: string) => number): Part[] {
  const page = item.p === home ? 0 : word(item.p);
  switch (item.k) {
    case 'm':
      return [word(item.n), rounded(item.v), time, item.i, item.j, page, item.r && word(item.r)];
    case 'e':
      return [word(item.n), time, page, ...item.f.flatMap(([file, line, column]) => [word(file), line, column])];
    case 'c': {
      const { n, v, i, j, a, u, c, mute } = item;
      return [word(n), rounded(v), time, i, j, page, word(a), u, c, Number(mute)];
    }
    case 'l':
      return [rounded(item.v), time, item.i, item.j, page, item.u];
    case 's':
      return [word(item.n), rounded(item.v), time, item.i, item.j, page, item.u, Number(item.failed)];
  }
}

export interface EncodedItems {
  /** `"p":…,"w":[…],"m":[…]`, the inside of an object. */
  readonly text: string;
  /** How many of the items are in it. */
  readonly count: number;
}

/** Encodes the first items, as many as make a text of at most `maxBytes` (but at least one); `start` is the batch's `t`. */
export function encodeItems(items: readonly WireItem[], start: number, maxBytes: number): EncodedItems {
  const places = new Map<string, number>();
  const lists: Record<ItemKind, string[]> = { m: [], e: [], c: [], l: [], s: [] };
  const home = items[0]?.p ?? 'unknown';
  let bytes = 64 + home.length;
  let count = 0;
  for (const item of items) {
    const fresh: string[] = [];
    const list = listOf(item, Math.round(item.t - start), home, (text) => {
      const place = places.get(text) ?? places.size + 1;
      if (place > places.size) {
        places.set(text, place);
        fresh.push(text);
      }
      return place;
    });
    while (list.length > 3 && !list.at(-1)) list.pop(); // the first three may be 0
    const text = JSON.stringify(list.map((part) => part ?? 0));
    const added = fresh.reduce((sum, word) => sum + word.length + 3, text.length + 1);
    if (count > 0 && bytes + added > maxBytes) {
      for (const word of fresh) places.delete(word);
      break;
    }
    bytes += added;
    count++;
    lists[item.k].push(text);
  }
  const texts = Object.entries(lists)
    .filter(([, all]) => all.length > 0)
    .map(([kind, all]) => `,"${kind}":[${all.join(',')}]`);
  return { text: `"p":"${home}","w":${JSON.stringify([...places.keys()])}${texts.join('')}`, count };
}
