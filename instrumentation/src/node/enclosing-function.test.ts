import { expect, test } from 'vitest';
import { functionsOf } from './enclosing-function.ts';

const CODE = `function outer() {
  return [1].map((one) => one.toFixed());
}
const arrow = async () => { await 0; };
class Clinic { book() { return () => this; } #left = () => 1; }
let later; later = function () { throw 0; };
export const given = { save() {}, load: () => 2 };
throw outer;`;
const functionAt = functionsOf(CODE);

/** Name of the function around the first occurrence of a text. */
function nameAround(text: string): string | undefined {
  const before = CODE.slice(0, CODE.indexOf(text)).split('\n');
  const place = functionAt({ line: before.length, column: before.at(-1)!.length + 1 });
  return place && /^#?\w+/.exec(CODE.split('\n')[place.line - 1]!.slice(place.column - 1))?.[0];
}

test.each([
  ['return [1]', 'outer'],
  ['one.toFixed', 'outer'],
  ['await 0', 'arrow'],
  ['this;', 'book'],
  ['1; }', '#left'],
  ['throw 0', 'later'],
  ['{}, load', 'save'],
  ['2 };', 'load'],
  ['throw outer', undefined],
])('around %j it is %s', (text, name) => {
  expect(nameAround(text)).toBe(name);
});
