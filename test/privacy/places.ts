/**
 * Every place where a person's data can enter the running stack, each with a word of its own. A test plants all of them and
 * looks for the words in every byte that leaves.
 */

/** Sent to the clinic's API, or kept in its database and its document store. */
const SERVER = [
  'path: page of a client',
  'path: page that does not exist',
  'path: API of a client',
  'path: API that does not exist',
  'path: file that does not exist',
  'path: escape that cannot be decoded',
  'path: longer than any other',
  'path: letters outside ASCII',
  'query: search for a client',
  'query: unknown parameter',
  'query: of a page',
  'method that does not exist',
  'header: Host',
  'header: User-Agent',
  'header: Referer',
  'header: Origin',
  'header: Cookie',
  'header: Authorization',
  'header: X-Forwarded-For',
  'header: Forwarded',
  'header: X-Request-Id',
  'header: Accept-Language',
  'header: baggage',
  'header: tracestate',
  'header: traceparent that is none',
  'header: unknown name',
  'header: Content-Type',
  'header: X-Document-Name',
  'sign-in: e-mail',
  'sign-in: password',
  'sign-in: code',
  'sign-in: unknown field',
  'second factor: code of its confirmation',
  'session: access token',
  'second factor: secret',
  'second factor: recovery code',
  'account: name',
  'account: e-mail that is taken',
  'account: password',
  'client: given name',
  'client: family name',
  'client: e-mail',
  'client: e-mail that bounces',
  'client: e-mail that is deferred',
  'client: phone',
  'client: address',
  'client: medication',
  'client: message',
  'note: body',
  'note: over-long body',
  'note: body that is too long',
  'note: letters outside ASCII',
  'note: script in the body',
  'note: kind that does not exist',
  'note: foreign key that fails',
  'document: name',
  'document: content',
  'document: type that is refused',
  'document: content that is too large',
  'appointment: field that does not exist',
  'appointment: time that is none',
  'appointment: client that does not exist',
  'break-glass: reason that is none',
  'body: malformed JSON',
  'body: oversized',
  'body: gzip that is none',
  'body: charset that is none',
  'e-mail event: state that is none',
  'database error: message',
  'database error: detail',
  'database error: hint',
  'database error: constraint',
  'database error: row that fails a check',
  'SQL: literal',
  'SQL: comment',
  'SQL: parameter',
  'SQL: name of a prepared statement',
  'SQL: value that is no number',
  'error: message',
  'error: class',
  'error: code',
  'error: cause',
  'error: cause of the cause',
  'error: property',
  'error: one of several',
  'thrown: text',
  'thrown: object',
  'metric: name',
  'span: name',
  'span: attribute',
  'span: list in an attribute',
  'span: unknown attribute with the key of a template',
  'span: event',
  'span: exception',
  'span: status message',
  'span: link',
  'fetch: path',
  'fetch: query',
  'fetch: header',
  'fetch: password in the address',
  'uncaught error',
  'unhandled rejection',
  'management: path',
  'management: body',
] as const;

/** Sent to `/telemetry` by something that is not our browser code. */
const TELEMETRY = [
  'telemetry: malformed body',
  'telemetry: unknown key',
  'telemetry: page',
  'telemetry: metric',
  'telemetry: type of an error',
  'telemetry: frame of an error',
  'telemetry: method of a call',
  'telemetry: route of a call',
  'telemetry: name of a span',
  'telemetry: trace id',
  'telemetry: word list',
  'telemetry: path',
  'telemetry: query',
  'telemetry: Referer',
  'telemetry: User-Agent',
  'telemetry: Cookie',
  'telemetry: X-Forwarded-For',
  'telemetry: Content-Type',
] as const;

/** In a browser that shows the clinic. */
const BROWSER = [
  'browser: typed e-mail',
  'browser: typed password',
  'browser: typed search',
  'browser: path of a client',
  'browser: query',
  'browser: hash',
  'browser: pushState',
  'browser: replaceState',
  'browser: page that does not exist',
  'browser: title',
  'browser: text',
  'browser: id of an element',
  'browser: class of an element',
  'browser: data attribute',
  'browser: aria-label',
  'browser: field name',
  'browser: element that is clicked',
  'browser: element that shifts',
  'browser: largest image',
  'browser: window.name',
  'browser: cookie',
  'browser: localStorage',
  'browser: console.log',
  'browser: console.info',
  'browser: console.warn',
  'browser: console.error',
  'browser: uncaught error',
  'browser: class of an error',
  'browser: cause of an error',
  'browser: error of a script with a path',
  'browser: function name in a stack',
  'browser: thrown text',
  'browser: thrown object',
  'browser: rejected error',
  'browser: rejected object',
  'browser: rejected text',
  'browser: reportError',
  'browser: performance mark',
  'browser: performance measure',
  'browser: detail of a performance mark',
  'browser: fetch of a client',
  'browser: fetch query',
  'browser: fetch header',
  'browser: fetch body',
  'browser: fetch that is not of the API',
  'browser: fetch that fails',
  'browser: XMLHttpRequest',
  'browser: beacon',
  'browser: image address',
  'browser: address that the policy forbids',
  'browser: WebSocket address',
  'browser: referrer',
  'browser: name of a span',
  'browser: attribute of a span',
  'browser: exception of a span',
  'browser: status of a span',
  'browser: custom event',
  'browser: error while offline',
  'browser: call while offline',
  'browser: path while offline',
] as const;

export const PLACES = [...SERVER, ...TELEMETRY, ...BROWSER] as const;
export type Place = (typeof PLACES)[number];

const PREFIX = 'canary7f3a';

/** The word of a place: letters and digits only, so that no encoding of addresses changes it. */
export const wordOf = (place: Place): string => `${PREFIX}${String(PLACES.indexOf(place)).padStart(3, '0')}q`;

/** Base64 of a text that stands anywhere in longer ones: what is the same whatever comes before and after it. */
const base64Within = (text: string): string[] =>
  [0, 1, 2].map((offset) => {
    const coded = Buffer.from(`${'x'.repeat(offset)}${text}`)
      .toString('base64')
      .replaceAll('=', '');
    const first = Math.ceil((offset * 8) / 6);
    const last = Math.floor(((offset + text.length) * 8) / 6);
    return coded.slice(first, last);
  });
const withNulls = (text: string) => Buffer.from(text, 'utf16le').toString('latin1');
const hidden = (text: string) => [...base64Within(text), Buffer.from(text).toString('hex'), withNulls(text)];
const HIDDEN = [PREFIX, PREFIX.toUpperCase()].flatMap(hidden);
const PLAIN = new RegExp(`${PREFIX}(\\d{3})?`, 'gi');

/** What was planted, and where it is found again. */
export class Planted {
  readonly #places = new Set<Place>();
  /** Words that are only known once the clinic has made them up. */
  readonly #made = new Map<string, Place>();

  /** The word to plant at this place. */
  word = (place: Place): string => {
    this.#places.add(place);
    return wordOf(place);
  };

  /** The place holds what the clinic made up. */
  made(place: Place, value: string): void {
    this.#places.add(place);
    this.#made.set(value, place);
  }

  get places(): readonly Place[] {
    return PLACES.filter((place) => this.#places.has(place));
  }

  /** Places whose word is in the bytes: as it is, in any case, in base64, in hex, in UTF-16. */
  foundIn(bytes: Buffer | string): string[] {
    const text = typeof bytes === 'string' ? Buffer.from(bytes).toString('latin1') : bytes.toString('latin1');
    const found = new Set<string>();
    for (const [, digits] of text.matchAll(PLAIN)) found.add(PLACES[Number(digits ?? -1)] ?? 'a part of a word');
    for (const coded of HIDDEN) if (text.includes(coded)) found.add(`a word in another code: ${coded}`);
    for (const [value, place] of this.#made) if (text.includes(value)) found.add(place);
    return [...found];
  }
}
