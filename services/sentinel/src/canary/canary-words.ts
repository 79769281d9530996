import { CANARY, CANARY_CLIENT_ID } from '@clinic/catalogue/canary';

const own = Object.values(CANARY).flatMap((text) => text.toLowerCase().match(/zqcanary[a-z]*/g) ?? []);

/** What exists nowhere but in the synthetic patient's rows, in small letters; each as it could be written in telemetry. */
export const CANARY_WORDS: readonly string[] = [
  ...new Set([
    ...own,
    CANARY.phone,
    CANARY.phone.replace(/\D/g, ''),
    CANARY_CLIENT_ID,
    CANARY_CLIENT_ID.replaceAll('-', ''),
  ]),
];
const LONGEST = Math.max(...CANARY_WORDS.map(({ length }) => length));

/** Reads a text that comes in pieces; only so much of it is kept that a word across two pieces is found. */
export class WordSearch {
  #tail = '';
  found = false;

  read(piece: string): void {
    if (this.found) return;
    const text = this.#tail + piece.toLowerCase();
    this.found = CANARY_WORDS.some((word) => text.includes(word));
    this.#tail = text.slice(1 - LONGEST);
  }
}
