import { WordSearch } from './canary-words.ts';

/** Of an answer that is read as a whole, characters. */
const READ_LIMIT = 4_000_000;

export interface SearchedAnswer {
  /** Whether a word of the canary is in it. */
  readonly found: boolean;
  /** The answer, or as much of it as may be kept. */
  readonly text: string;
}

/** An answer that cannot be searched to its end: nothing is known then. */
export class SearchFailed extends Error {
  override readonly name = 'SearchFailed';
}

/** GETs and looks for the canary's words in all of the answer, of whatever size. Rejects unless the answer is 200 and whole. */
export async function searchedAnswer(url: string, signal: AbortSignal): Promise<SearchedAnswer> {
  const response = await fetch(url, { signal, redirect: 'error' });
  if (response.status !== 200 || !response.body) {
    await response.body?.cancel();
    throw new SearchFailed(`The answer was ${response.status}.`);
  }
  const search = new WordSearch();
  let text = '';
  for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
    search.read(piece);
    if (text.length < READ_LIMIT) text += piece;
  }
  return { found: search.found, text };
}
