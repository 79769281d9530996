/** What a page tells its reader to do, in its order. */
export type Step =
  | { readonly kind: 'file'; readonly path: string; readonly text: string }
  | { readonly kind: 'run'; readonly folder: string; readonly command: string; readonly background: boolean };

/** The fenced blocks under a heading: ```` ```ts file="…" ```` is a file, ```` ```sh in="…" ```` commands, `background` one that goes on. */
export function stepsOf(page: string, heading: string): Step[] {
  const section = page.split(/^## /m).find((text) => text.startsWith(`${heading}\n`));
  if (section === undefined) throw new Error(`the page has no heading "${heading}"`);
  return [...section.matchAll(/^```(\w+)(.*)\n([\s\S]*?)^```$/gm)].map(([, language, info = '', text = '']): Step => {
    const path = /file="([^"]+)"/.exec(info)?.[1];
    if (path !== undefined) return { kind: 'file', path, text };
    const folder = /in="([^"]+)"/.exec(info)?.[1];
    if (language !== 'sh' || folder === undefined)
      throw new Error(`a block that nobody can follow: ${language}${info}`);
    return { kind: 'run', folder, command: text, background: info.includes('background') };
  });
}
