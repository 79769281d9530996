/** Measures the stack in containers and writes what it finds into docs/performance.md. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FIGURES_PROJECT } from './docker.mjs';

export interface ContainerFigures {
  readonly service: string;
  readonly image: string;
  readonly kind: 'official' | 'stand-in' | 'ours' | 'ours, on a stand-in';
  /** Bytes: without the file cache that the kernel can take back. */
  readonly memory: number;
  /** Bytes. */
  readonly limit: number;
  /** Bytes; layers that images share are counted for each. */
  readonly imageSize: number;
}

const docker = (...words: string[]) =>
  execFileSync('docker', words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

interface Inspected {
  readonly Id: string;
  readonly Config: { readonly Image: string; readonly Labels: Readonly<Record<string, string>> };
  readonly HostConfig: { readonly Memory: number };
}

/** What each running container of a compose project holds. */
export function containerFigures(project: string): ContainerFigures[] {
  const ids = docker('ps', '-q', '--no-trunc', '--filter', `label=com.docker.compose.project=${project}`);
  const running = ids.split('\n').filter((id) => id !== '');
  if (running.length === 0) return [];
  const stats = docker('stats', '--no-stream', '--no-trunc', '--format', '{{.ID}} {{.MemUsage}}', ...running);
  const memory = new Map(
    stats
      .trim()
      .split('\n')
      .map((line) => {
        const [id = '', used = ''] = line.split(' ');
        return [id, bytes(used)] as const;
      }),
  );
  return (JSON.parse(docker('inspect', ...running)) as Inspected[])
    .map(({ Id, Config, HostConfig }) => {
      const [image] = JSON.parse(docker('image', 'inspect', Config.Image)) as [
        { Size: number; Config: { Labels: Record<string, string> | null } },
      ];
      return {
        service: Config.Labels['com.docker.compose.service'] ?? '',
        image: Config.Image,
        kind: kindOf(image.Config.Labels ?? {}),
        memory: memory.get(Id) ?? 0,
        limit: HostConfig.Memory,
        imageSize: image.Size,
      };
    })
    .sort((a, b) => a.service.localeCompare(b.service));
}

function kindOf(labels: Readonly<Record<string, string>>): ContainerFigures['kind'] {
  const standIn = labels['clinic-observability.stand-in'] === 'true';
  if (labels['clinic-observability.image']) return standIn ? 'ours, on a stand-in' : 'ours';
  return standIn ? 'stand-in' : 'official';
}

/** Of what `docker stats` prints, such as 27.8MiB. */
function bytes(text: string): number {
  const units: Record<string, number> = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };
  const [, number, unit] = /^([\d.]+)(\w+)$/.exec(text) ?? [];
  const factor = units[unit ?? ''];
  if (factor === undefined) throw new Error(`docker stats printed a size that is not understood: ${text}`);
  return Number(number) * factor;
}

const mib = (size: number) => `${Math.round(size / 2 ** 20)} MiB`;
const mb = (size: number) => `${Math.round(size / 1e6)} MB`;

/** The figures as lines of Markdown. */
export function figuresTable(figures: readonly ContainerFigures[], healthyAfterMs: number): string {
  const sum = (of: (one: ContainerFigures) => number) => figures.reduce((total, one) => total + of(one), 0);
  const images = new Map(figures.map((one) => [one.image, one]));
  const standIns = figures.some(({ kind }) => kind.includes('stand-in'));
  return [
    `\`docker compose up --wait\` until all is healthy: **${(healthyAfterMs / 1000).toFixed(1)} s**. Memory with the synthetic traffic:`,
    '',
    '| service | memory | limit |',
    '| --- | --- | --- |',
    ...figures.map(({ service, memory, limit }) => `| ${service} | ${mib(memory)} | ${mib(limit)} |`),
    `| **all** | **${mib(sum(({ memory }) => memory))}** | **${mib(sum(({ limit }) => limit))}** |`,
    '',
    '| image | size | kind |',
    '| --- | --- | --- |',
    ...[...images.values()].map(({ image, imageSize, kind }) => `| ${image} | ${mb(imageSize)} | ${kind} |`),
    ...(standIns
      ? [
          '',
          "A stand-in is a program of engines/ or a Debian package under the official image's name: what it holds and weighs is not what the vendor ships.",
        ]
      : []),
  ].join('\n');
}

const TITLE = '## Docker';

/** Puts the section into the text in the place of an earlier one, or at its end. */
export function withSection(text: string, body: string): string {
  const section = `${TITLE}\n\n<!-- Written by: npm run docs:docker-figures -->\n\n${body}\n`;
  const start = text.search(/^## Docker$/m);
  if (start === -1) return text === '' ? `# Measurements\n\n${section}` : `${text.trimEnd()}\n\n${section}`;
  const next = text.slice(start + TITLE.length).search(/^## /m);
  const rest = next === -1 ? '' : `\n${text.slice(start + TITLE.length + next)}`;
  return `${text.slice(0, start)}${section}${rest}`;
}

if (import.meta.main) {
  const root = join(import.meta.dirname, '..');
  const compose = (...words: string[]) => docker('compose', '--project-name', FIGURES_PROJECT, ...words);
  process.chdir(root);
  compose('down', '--volumes', '--timeout', '5');
  try {
    const started = performance.now();
    compose('up', '--wait', '--detach');
    const healthyAfterMs = performance.now() - started;
    console.log('All is healthy; a minute of traffic before memory is read.');
    await sleep(60_000);
    const body = figuresTable(containerFigures(FIGURES_PROJECT), healthyAfterMs);
    console.log(body);
    const path = join(root, 'docs/performance.md');
    writeFileSync(path, withSection(existsSync(path) ? readFileSync(path, 'utf8') : '', body));
  } finally {
    compose('down', '--volumes', '--timeout', '5');
  }
}
