import { createHash } from 'node:crypto';
import type { Verdict } from './notebook.ts';

const STYLE = `:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}body{margin:0 auto;max-width:60rem;padding:1rem}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin:2rem 0 .5rem}table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid light-dark(#d5d9e0,#323945);vertical-align:top}
td,code{overflow-wrap:anywhere}label{display:inline-block;margin:.3rem 1rem .3rem 0}input:not([type=checkbox],[type=radio]){display:block;font:inherit;padding:.4rem}
button{font:inherit;padding:.5rem 1rem;min-height:2.75rem}.problem{color:light-dark(#9d0f18,#ff9a9a);font-weight:600}
:focus-visible{outline:3px solid light-dark(#0b57c2,#7fb2ff);outline-offset:2px}`;

/** Nothing is loaded and nothing runs: the pages are forms. */
export const PAGE_POLICY = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`;

const escaped = (text: string) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

const page = (title: string, body: string) => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title><style>${STYLE}</style></head><body><main><h1>${title}</h1>${body}</main></body></html>
`;

const problem = (text: string | undefined) => (text ? `<p class="problem" role="alert">${escaped(text)}</p>` : '');

/** The form of administrators; `wrong` says why the last try failed. */
export const signInPage = (wrong?: string) =>
  page(
    'Review of chart accesses: sign in',
    `${problem(wrong)}<p>For administrators, with the account of the clinic. That you look at the queue is recorded.</p>
<form method="post" action="/access-review/sign-in">
<label>E-mail <input name="email" type="email" autocomplete="username" required></label>
<label>Password <input name="password" type="password" autocomplete="current-password" required></label>
<label>Code <input name="code" inputmode="numeric" autocomplete="one-time-code" required></label>
<p><button>Sign in</button></p></form>`,
  );

export const VERDICT_WORDS: Readonly<Record<Verdict, string>> = {
  legitimate: 'There was a reason',
  follow_up: 'To be talked about',
  violation: 'There was none',
};

export interface ReviewItem {
  readonly seq: number;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly action: string;
  readonly client: string;
  readonly explanation: string;
  readonly reason: string | null;
}

/** What one person opened on one day. */
export interface ReviewGroup {
  readonly who: string;
  readonly role: string;
  /** `YYYY-MM-DD`, UTC. */
  readonly day: string;
  /** Patterns that stood out that day. */
  readonly flags: readonly string[];
  readonly items: readonly ReviewItem[];
  /** Nobody reviews what they did themselves. */
  readonly own: boolean;
}

export interface QueueView {
  readonly reviewer: string;
  readonly groups: readonly ReviewGroup[];
  /** Accesses that wait in all; the groups may show fewer. */
  readonly pending: number;
  readonly said?: string | undefined;
}

const words = (name: string) => name.replaceAll('_', ' ');
const time = (at: number) => new Date(at).toISOString().slice(11, 16);

export const queuePage = ({ reviewer, groups, pending, said }: QueueView) =>
  page(
    'Review of chart accesses',
    `${problem(said)}<form method="post" action="/access-review/sign-out"><p>${escaped(reviewer)} <button>Sign out</button></p></form>
<p>${pending === 0 ? 'Nothing waits.' : `${pending} accesses wait: nothing in the data of the clinic explains them, or the glass was broken.`}</p>
${groups.map(groupForm).join('\n')}`,
  );

const groupForm = (
  { who, role, day, flags, items, own }: ReviewGroup,
  index: number,
) => `<h2>${escaped(who)}, ${escaped(role)}, ${day}</h2>
${flags.length > 0 ? `<p class="problem">Stands out: ${flags.map(words).join(', ')}</p>` : ''}
<form method="post" action="/access-review/sign-off"><table>
<thead><tr><th>Reviewed</th><th>UTC</th><th>What</th><th>Client</th><th>Why</th></tr></thead><tbody>
${items
  .map(
    ({ seq, at, action, client, explanation, reason }) =>
      `<tr><td><input type="checkbox" name="seq" value="${seq}" checked aria-label="Access ${seq}"></td><td>${time(at)}</td>
<td>${words(action)}</td><td><code>${escaped(client)}</code></td><td>${words(explanation)}${reason ? `: ${words(reason)}` : ''}</td></tr>`,
  )
  .join('\n')}
</tbody></table>
${
  own
    ? '<p>Somebody else has to review what you did.</p>'
    : `<fieldset><legend>Finding</legend>${Object.entries(VERDICT_WORDS)
        .map(
          ([verdict, label]) =>
            `<label><input type="radio" name="verdict" value="${verdict}" id="v${index}${verdict}" required> ${label}</label>`,
        )
        .join('')}</fieldset><p><button>Sign off</button></p>`
}</form>`;
