import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { testPager } from './pager.fixture.ts';
import { renderMarkdown } from './runbook.ts';

describe('renderMarkdown', () => {
  it('makes what Markdown makes', async () => {
    expect(await renderMarkdown('## Meaning\n\nLook at `up`.')).toBe(
      '<h2>Meaning</h2>\n<p>Look at <code>up</code>.</p>\n',
    );
    expect(await renderMarkdown('[next](Watchdog.md) [web](https://example.org/?a=1&b=2)')).toBe(
      '<p><a href="/runbooks/Watchdog" target="_blank" rel="noreferrer">next</a> ' +
        '<a href="https://example.org/?a=1&amp;b=2" target="_blank" rel="noreferrer">web</a></p>\n',
    );
  });

  const attacks = [
    '<script>alert(1)</script>',
    'text <img src=x onerror=alert(1)> text',
    '[x](javascript:alert(1))',
    '[x](java&#115;cript:alert(1))',
    '[x](  JaVaScRiPt:alert(1))',
    '[x](data:text/html;base64,PHNjcmlwdD4=)',
    '[x](https://example.org/"onmouseover="alert(1))',
    '![x" onerror="alert(1)](x)',
    '![<script>alert(1)</script>](x)',
    '`<script>alert(1)</script>`',
    '```"><script>alert(1)</script>\n<script>alert(1)</script>\n```',
    '<https://example.org/<script>>',
    '| a |\n|--|\n| <script>alert(1)</script> |',
    '<details open ontoggle=alert(1)>\n\n**x**\n\n</details>',
    '&lt;script&gt;alert(1)&lt;/script&gt;',
  ];
  for (const attack of attacks) {
    it(`shows as text: ${attack}`, async () => {
      const html = await renderMarkdown(attack);
      const tags = [...html.matchAll(/<\/?([a-z0-9]+)([^>]*)>/gi)];
      const allowed = new Set(['p', 'a', 'code', 'pre', 'strong', 'table', 'thead', 'tbody', 'tr', 'th', 'td']);
      expect(tags.filter(([, name = '']) => !allowed.has(name))).toEqual([]);
      for (const [, , attributes = ''] of tags) {
        expect(attributes).toMatch(
          /^( (href="(\/runbooks\/|https?:\/\/)[^"]*"|target="_blank"|rel="noreferrer"|class="[^"]*"))*$/,
        );
      }
    });
  }
});

describe('GET /runbooks/<AlertName>', () => {
  let pager: Awaited<ReturnType<typeof testPager>>;
  afterEach(() => pager.remove());

  it('is a readable page, or says that there is none', async () => {
    pager = await testPager();
    writeFileSync(join(pager.runbooks, 'SlowEvents.md'), '# SlowEvents\n\n<b onclick="x()">raw</b>\n');
    const response = await fetch(`${pager.url}/runbooks/SlowEvents`);
    const text = await response.text();
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(text).toContain('<h1>SlowEvents</h1>');
    expect(text).toContain('&lt;b onclick=&quot;x()&quot;&gt;');
    const missing = await fetch(`${pager.url}/runbooks/Other`);
    expect([missing.status, await missing.text()]).toEqual([404, expect.stringContaining('no runbook of this name')]);
  });

  it('is listed at /runbooks by what the alert means', async () => {
    pager = await testPager();
    for (const name of ['SlowEvents', 'ClinicApiDown', 'README', 'a-b'])
      writeFileSync(join(pager.runbooks, `${name}.md`), `# ${name}\n`);
    const response = await fetch(`${pager.url}/runbooks`);
    const html = await response.text();
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    const links = [...html.matchAll(/<li><a href="([^"]+)">([^<]+)</g)].map(([, address, words]) => [address, words]);
    expect(links).toEqual([
      ['/runbooks/ClinicApiDown', 'Clinic api down'],
      ['/runbooks/SlowEvents', 'Slow events'],
    ]);
    for (const [address] of links) expect((await fetch(pager.url + address)).status).toBe(200);
  });

  it('is a page with a way back when a browser asks for what is not there, and a problem for a program', async () => {
    pager = await testPager();
    for (const path of ['/nope-4711', '/runbooks/a-b', '/api/pages/4711']) {
      const page = await fetch(pager.url + path, { headers: { accept: 'text/html,*/*;q=0.8' } });
      const html = await page.text();
      expect([page.status, page.headers.get('content-type')]).toEqual([404, 'text/html; charset=utf-8']);
      expect(html).toContain('<a href="/">');
      expect(html).not.toContain('4711');
      const problem = await fetch(pager.url + path, { headers: { accept: 'application/json' } });
      expect([problem.status, problem.headers.get('content-type')]).toEqual([404, 'application/problem+json']);
    }
  });

  it('never leaves its folder', async () => {
    pager = await testPager();
    writeFileSync(join(pager.folder, 'secret.md'), 'SECRET');
    writeFileSync(join(pager.runbooks, 'A.md'), 'fine');
    for (const name of ['a-b', '..%2fsecret', '.hidden']) writeFileSync(join(pager.runbooks, `${name}.md`), 'SECRET');
    // fetch() would normalise these paths before it sends them.
    const raw = (path: string) =>
      new Promise<{ status: number; text: string }>((resolve, reject) => {
        request(`${pager.url}/`, { path }, (response) => {
          let text = '';
          response.on('data', (chunk) => {
            text += chunk;
          });
          response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
        })
          .on('error', reject)
          .end();
      });
    for (const name of [
      '../secret',
      '..%2fsecret',
      '%2e%2e/secret',
      '..\\secret',
      './A',
      'A%00',
      'A.md',
      '',
      'a-b',
      '.hidden',
      'é',
    ]) {
      const { status, text } = await raw(`/runbooks/${encodeURI(name).replaceAll('%25', '%')}`);
      expect([name, status, text.includes('SECRET')]).toEqual([name, 404, false]);
    }
    expect((await raw('/../secret.md')).status).toBe(404);
    expect((await raw('/runbooks/A')).status).toBe(200);
  });
});
