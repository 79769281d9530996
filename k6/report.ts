/** A load test's result as one HTML file that needs nothing else. */
import { REQUEST_BASELINE, STEP_BASELINES } from '@clinic/catalogue/baselines';
import type { LoadResult, Resource } from './result.ts';
import { STEPS } from './steps.ts';
import { amount, clock, milliseconds, percent, spreadText, thresholdText } from './summary.ts';

const escaped = (text: string) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

const WIDTH = 640;
const HEIGHT = 190;
const LEFT = 72;
const BOTTOM = 24;
const TOP = 12;
const RIGHT = 12;

interface Line {
  readonly name: string;
  readonly kind: 'first' | 'second' | 'third';
  readonly points: readonly (readonly [x: number, y: number])[];
}

interface ChartOptions {
  readonly title: string;
  readonly note: string;
  readonly lines: readonly Line[];
  readonly format: (value: number) => string;
  readonly limit?: number;
  /** The vertical axis ends here, also when all values are far below. */
  readonly top?: number;
}

/** A round number not below the value. */
function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((factor) => factor * power).find((round) => round >= value) ?? value;
}

function chart({ title, note, lines, format, limit, top }: ChartOptions): string {
  const all = lines.flatMap(({ points }) => points);
  if (all.length === 0) return '';
  const right = Math.max(1, ...all.map(([x]) => x));
  const highest = Math.max(...all.map(([, y]) => y), 1e-9);
  const high = top !== undefined && highest <= top ? top : roundUp(highest);
  const x = (value: number) => (LEFT + (value / right) * (WIDTH - LEFT - RIGHT)).toFixed(1);
  const y = (value: number) => (HEIGHT - BOTTOM - (value / high) * (HEIGHT - BOTTOM - TOP)).toFixed(1);
  const grid = [0, 0.5, 1]
    .map(
      (share) =>
        `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(share * high)}" y2="${y(share * high)}"/><text class="axis" x="${LEFT - 8}" y="${Number(y(share * high)) + 4}" text-anchor="end">${escaped(format(share * high))}</text>`,
    )
    .join('');
  const times = [0, 0.25, 0.5, 0.75, 1]
    .map(
      (share) =>
        `<text class="axis" x="${x(share * right)}" y="${HEIGHT - 6}" text-anchor="${share === 0 ? 'start' : share === 1 ? 'end' : 'middle'}">${clock(share * right)}</text>`,
    )
    .join('');
  const drawn = lines
    .map(
      ({ kind, points }) =>
        `<polyline class="line ${kind}" points="${points.map(([at, value]) => `${x(at)},${y(value)}`).join(' ')}"/>`,
    )
    .join('');
  const dashed =
    limit !== undefined && limit <= high
      ? `<line class="limit" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(limit)}" y2="${y(limit)}"/>`
      : '';
  const legend =
    lines.length > 1 || dashed
      ? `<p class="legend">${lines.map(({ name, kind }) => `<span class="key ${kind}">${escaped(name)}</span>`).join('')}${dashed ? `<span class="key dashed">limit, ${escaped(format(limit!))}</span>` : ''}</p>`
      : '';
  return `<figure><figcaption><b>${escaped(title)}</b> ${escaped(note)}</figcaption>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escaped(`${title}: ${note}`)}">${grid}${times}${dashed}${drawn}</svg>${legend}</figure>`;
}

const cell = (text: string, className = '') => `<td${className && ` class="${className}"`}>${text}</td>`;

function stepTable({ steps, requests, failed, p50, p95, p99 }: LoadResult): string {
  const limits: Readonly<Record<string, number>> = STEP_BASELINES;
  const widest = Math.max(...steps.map(({ p95: high }) => high), 1);
  const row = (
    title: string,
    route: string,
    count: number,
    bad: number,
    times: readonly number[],
    limit: number | undefined,
    more: readonly string[],
  ) =>
    `<tr><th scope="row">${escaped(title)}<small>${escaped(route)}</small></th>${[
      cell(`${count}`),
      cell(`${bad}`, bad > 0 ? 'bad' : ''),
      ...times.map((ms, index) =>
        cell(
          index === 1
            ? `${milliseconds(ms)}<i class="bar ${limit !== undefined && ms >= limit ? 'over' : ''}" style="--share:${Math.min(1, ms / widest).toFixed(3)}"></i>`
            : milliseconds(ms),
          index === 1 && limit !== undefined && ms >= limit ? 'bad' : '',
        ),
      ),
      cell(limit === undefined ? '' : `${limit} ms`),
      ...more.map((text) => cell(text)),
    ].join('')}</tr>`;
  return `<div class="scroll"><table><thead><tr>${[
    'Step',
    'Requests',
    'Failed',
    'p50',
    'p95',
    'p99',
    'Slowest',
    'Limit of p95',
    'SQL a request',
    'Answer',
  ]
    .map((head) => `<th scope="col">${head}</th>`)
    .join('')}</tr></thead><tbody>${steps
    .map((one) =>
      row(
        STEPS[one.step].title,
        STEPS[one.step].route,
        one.count,
        one.failed,
        [one.p50, one.p95, one.p99, one.max],
        limits[one.step],
        [spreadText(one.sql), one.bytes < 1024 ? `${one.bytes} B` : `${(one.bytes / 1024).toFixed(1)} kB`],
      ),
    )
    .join(
      '',
    )}${row('all', '', requests, failed, [p50, p95, p99, steps.reduce((most, { max }) => Math.max(most, max), 0)], REQUEST_BASELINE, ['', ''])}</tbody></table></div>`;
}

const resourceChart =
  (start: number) =>
  ({ title, unit, limit, mean, max, curve }: Resource) =>
    chart({
      title,
      note: `mean ${amount(mean, unit)}, most ${amount(max, unit)}${limit === undefined ? '' : ` of ${amount(limit, unit)}`}`,
      lines: [
        { name: title, kind: 'first', points: curve.map(([at, value]) => [Math.max(0, at - start), value] as const) },
      ],
      format: (value) => amount(value, unit),
      ...(limit !== undefined && { limit, ...(unit !== 'cores' && { top: limit }) }),
    });

const VERDICTS = {
  passed: 'Every threshold was kept.',
  failed: 'A threshold was missed.',
  inconclusive: 'This test says nothing.',
} as const;

const STYLE = `:root{color-scheme:light dark;--ground:#f6f7f5;--paper:#fff;--ink:#1c2624;--quiet:#5c6a67;--line:#dde3e0;--first:#0f766e;--second:#b45309;--third:#475569;--good:#0f766e;--bad:#b3261e}
@media(prefers-color-scheme:dark){:root{--ground:#111716;--paper:#19211f;--ink:#e6ecea;--quiet:#9aa9a5;--line:#2c3835;--first:#2dd4bf;--second:#fbbf24;--third:#94a3b8;--good:#2dd4bf;--bad:#ff8a80}}
*{box-sizing:border-box}body{margin:0;background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:1120px;margin:0 auto;padding:32px 20px 64px}h1{font-size:26px;line-height:1.25;margin:0}h2{font-size:18px;margin:40px 0 12px}
p{margin:6px 0}.quiet,small{color:var(--quiet)}small{display:block;font-weight:400;font-size:12.5px}
header{border-left:6px solid var(--tone);padding:4px 0 4px 18px}.passed{--tone:var(--good)}.failed,.inconclusive{--tone:var(--bad)}
.verdict{color:var(--tone);font-weight:650;letter-spacing:.02em}
.numbers{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:1px;background:var(--line);border:1px solid var(--line);border-radius:8px;overflow:hidden;margin:26px 0 0}
.numbers div{background:var(--paper);padding:14px 16px}.numbers b{display:block;font-size:24px;line-height:1.2;font-variant-numeric:tabular-nums}
.scroll{overflow-x:auto;background:var(--paper);border:1px solid var(--line);border-radius:8px}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:9px 12px;text-align:right;white-space:nowrap;border-bottom:1px solid var(--line);vertical-align:top}tr:last-child>*{border-bottom:0}
th:first-child,td:first-child{text-align:left}thead th{font-size:12.5px;font-weight:600;color:var(--quiet)}tbody th{font-weight:600}
td.left{text-align:left}.bad{color:var(--bad);font-weight:650}.bar{display:block;height:3px;border-radius:2px;margin:5px 0 0 auto;width:calc(var(--share)*92px);background:var(--first)}.bar.over{background:var(--bad)}
ul.rules{list-style:none;padding:0;margin:0;background:var(--paper);border:1px solid var(--line);border-radius:8px}.rules li{padding:8px 14px;border-bottom:1px solid var(--line);display:flex;gap:12px}.rules li:last-child{border:0}
.rules b{min-width:52px}.rules .ok b{color:var(--good)}.rules .miss b{color:var(--bad)}.rules span:last-child{margin-left:auto;color:var(--quiet);font-variant-numeric:tabular-nums}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,440px),1fr));gap:16px}figure{margin:0;background:var(--paper);border:1px solid var(--line);border-radius:8px;padding:12px 14px}
figcaption{font-size:13.5px;color:var(--quiet)}figcaption b{color:var(--ink)}svg{display:block;width:100%;height:auto;margin-top:6px}.axis{font-size:11px;fill:var(--quiet)}.grid{stroke:var(--line)}
.line{fill:none;stroke-width:2;stroke-linejoin:round}.line.first{stroke:var(--first)}.line.second{stroke:var(--second)}.line.third{stroke:var(--third)}.limit{stroke:var(--bad);stroke-dasharray:5 4}
.legend{display:flex;gap:16px;font-size:12.5px;color:var(--quiet);margin:4px 0 0}.key:before{content:"";display:inline-block;width:14px;height:3px;border-radius:2px;margin-right:6px;vertical-align:middle;background:var(--tone)}.key.first{--tone:var(--first)}.key.second{--tone:var(--second)}.key.third{--tone:var(--third)}.key.dashed{--tone:var(--bad)}
a{color:var(--first)}code{font-size:12.5px}pre{white-space:pre-wrap;background:var(--paper);border:1px solid var(--line);border-radius:8px;padding:12px}`;

/** What a threshold was compared with. */
function value(rule: string, values: Readonly<Record<string, number>>): string {
  const key = /^([^<>=]+)/.exec(rule)![1]!.trim();
  const found = values[key];
  if (found === undefined) return '';
  return key.startsWith('p(') ? milliseconds(found) : key === 'rate' ? percent(found) : `${found}`;
}

export function report(result: LoadResult): string {
  const { scenario, verdict, reason, startedAt, seconds, timeScale, target, machine, requests, failed } = result;
  const start = Date.parse(startedAt) / 1000;
  const when = `${startedAt.slice(0, 10)} ${startedAt.slice(11, 16)} UTC`;
  const lines = (key: 'p50' | 'p95' | 'users' | 'perSecond') =>
    result.timeline.map((slice) => [slice.at, slice[key]] as const);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>Load test: ${escaped(scenario)}, ${when}</title><style>${STYLE}</style></head>
<body><main><header class="${verdict}"><p class="verdict">${verdict.toUpperCase()}</p><h1>Load test: ${escaped(scenario)}</h1>
<p>${VERDICTS[verdict]} ${timeScale === 1 ? '' : `Its time was shortened to ${timeScale} of the scenario's: it shows that everything works, not how fast the clinic is.`}</p>
<p class="quiet">${when}, ${clock(seconds)} min, against ${escaped(target)}. ${escaped(machine.processor)}, ${machine.cores} cores, ${machine.memoryGb} GB, Node ${machine.node}${machine.commit ? `, commit ${escaped(machine.commit)}` : ''}. Users, clinic and database shared the machine.</p></header>
${reason ? `<pre>${escaped(reason)}</pre>` : ''}
<section class="numbers"><div><b>${requests}</b>requests</div><div><b>${result.perSecond.toFixed(1)}</b>a second</div><div><b>${result.peakUsers}</b>users at most</div><div><b>${milliseconds(result.p95)}</b>p95 of all</div><div><b>${percent(requests ? failed / requests : 0)}</b>failed</div></section>
<h2>Steps</h2>${stepTable(result)}
<h2>Thresholds</h2><ul class="rules">${result.thresholds
    .map(
      ({ metric, rule, ok, values }) =>
        `<li class="${ok ? 'ok' : 'miss'}"><b>${ok ? 'kept' : 'missed'}</b><span>${escaped(thresholdText(metric, rule))}</span><span>${value(rule, values)}</span></li>`,
    )
    .join('')}</ul>
<h2>Over time</h2><div class="charts">${chart({
    title: 'Time to answer',
    note: 'of all requests',
    lines: [
      { name: 'p50', kind: 'first', points: lines('p50') },
      { name: 'p95', kind: 'second', points: lines('p95') },
    ],
    format: milliseconds,
    limit: REQUEST_BASELINE,
  })}${chart({ title: 'Users', note: 'at the same time', lines: [{ name: 'users', kind: 'third', points: lines('users') }], format: (n) => `${Math.round(n)}` })}${chart(
    {
      title: 'Requests',
      note: 'a second',
      lines: [{ name: 'requests', kind: 'first', points: lines('perSecond') }],
      format: (n) => n.toFixed(n < 10 ? 1 : 0),
    },
  )}${result.resources.map(resourceChart(start)).join('')}</div>
<h2>Slowest requests</h2><div class="scroll"><table><thead><tr><th scope="col">Step</th><th scope="col">Took</th><th scope="col">After</th><th scope="col">Users</th><th scope="col">Trace</th></tr></thead><tbody>${result.slowest
    .map(
      ({ step, ms, at, users, trace, url }) =>
        `<tr><th scope="row">${escaped(STEPS[step].title)}</th>${cell(milliseconds(ms))}${cell(clock(Math.max(0, at / 1000 - start)))}${cell(`${users}`)}${cell(url ? `<a href="${escaped(url)}"><code>${trace}</code></a>` : `<code>${trace}</code>, not kept`)}</tr>`,
    )
    .join('')}</tbody></table></div>
<p class="quiet">Percentiles are exact, by nearest rank over all requests, as the users saw them. SQL a request: statements in the traces of typical requests of the step. The links lead to Tempo, for as long as it keeps the traces.</p>
${[...result.remarks, ...(result.tidied > 0 ? [`${result.tidied} appointments were cancelled after the test.`] : [])].map((text) => `<p>${escaped(text)}</p>`).join('')}
</main></body></html>
`;
}
