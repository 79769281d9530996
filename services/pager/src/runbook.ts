import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Marked } from 'marked';
import { titleOf } from './page.ts';

/** The name of an alert and so of its runbook. Nothing else becomes part of a path. */
export const RUNBOOK_NAME = /^[A-Za-z0-9]{1,100}$/;

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}

/** What a runbook may link to: the web, and other runbooks (`Other.md`). */
function target(href: string): string | undefined {
  const sibling = /^(?:\.\/)?([A-Za-z0-9]+)\.md$/.exec(href);
  if (sibling) return `/runbooks/${sibling[1]}`;
  return /^https?:\/\//i.test(href) && URL.canParse(href) ? href : undefined;
}

let loaded: Promise<Marked> | undefined;

/** Loaded with the first runbook that somebody opens: a quiet night does not need it. */
function markdown(): Promise<Marked> {
  loaded ??= import('marked').then(
    ({ Marked }) =>
      new Marked({
        renderer: {
          html: ({ text }) => escapeHtml(text),
          image: ({ text }) => escapeHtml(text),
          link({ href, tokens }) {
            const words = this.parser.parseInline(tokens);
            const to = target(href);
            if (to === undefined) return words;
            return `<a href="${escapeHtml(to)}" target="_blank" rel="noreferrer">${words}</a>`;
          },
        },
      }),
  );
  return loaded;
}

/** Renders Markdown to HTML that holds only what Markdown itself makes: raw HTML is shown as text. */
export async function renderMarkdown(text: string): Promise<string> {
  return await (await markdown()).parse(text);
}

const page = (title: string, body: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="icon" href="/icon.svg">
<link rel="stylesheet" href="/inbox.css">
</head>
<body>
<main class="runbook-page">
<p><a href="/">On-call inbox</a> · <a href="/runbooks">Runbooks</a></p>
<article class="runbook">
${body}
</article>
</main>
</body>
</html>
`;

export interface RenderedRunbook {
  readonly found: boolean;
  readonly html: string;
}

/** The runbook of an alert as a page. `name` has the shape of {@link RUNBOOK_NAME}. */
export async function runbookPage(folder: string, name: string): Promise<RenderedRunbook> {
  let text: string;
  try {
    text = await readFile(join(folder, `${name}.md`), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    const body =
      '<h1>No runbook</h1>\n<p>There is no runbook of this name. The alert may be newer than this inbox.</p>';
    return { found: false, html: page('No runbook', body) };
  }
  return { found: true, html: page(`Runbook: ${name}`, await renderMarkdown(text)) };
}

/** Every runbook of the folder, with links. */
export async function runbookList(folder: string): Promise<string> {
  const names = (await readdir(folder)).flatMap((file) => {
    const [, name = ''] = /^(.+)\.md$/.exec(file) ?? [];
    return RUNBOOK_NAME.test(name) && name !== 'README' ? [name] : [];
  });
  const items = names
    .sort()
    .map((name) => `<li><a href="/runbooks/${name}">${escapeHtml(titleOf({ alertname: name }))}</a></li>`);
  return page('Runbooks', `<h1>Runbooks</h1>\n<p>What to do, by alert.</p>\n<ul>\n${items.join('\n')}\n</ul>`);
}

/** For a browser at a path that holds nothing. */
export const notFoundPage = (detail: string): string => page('Not found', `<h1>Not found</h1>\n<p>${detail}</p>`);
