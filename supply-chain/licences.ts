/** Under what licences the things stand that we link, and those that run beside us. Reads package-lock.json alone. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';

/** Licences that ask no more of a program that links the package than to name them. */
const ACCEPTED = new Set([
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'ISC',
  'MIT',
  'MIT-0',
  'Unlicense',
]);

/** Programs of their own, which we neither link nor distribute: by image of the compose files, without its tag. */
export const PROGRAMS: Readonly<Record<string, { readonly program: string; readonly licence: string }>> = {
  postgres: { program: 'PostgreSQL', licence: 'PostgreSQL' },
  'prom/prometheus': { program: 'Prometheus', licence: 'Apache-2.0' },
  'prom/alertmanager': { program: 'Alertmanager', licence: 'Apache-2.0' },
  'otel/opentelemetry-collector-contrib': { program: 'OpenTelemetry Collector', licence: 'Apache-2.0' },
  'grafana/tempo': { program: 'Tempo', licence: 'AGPL-3.0-only' },
  'grafana/grafana': { program: 'Grafana', licence: 'AGPL-3.0-only' },
  caddy: { program: 'Caddy (production only)', licence: 'Apache-2.0' },
  'quay.io/oauth2-proxy/oauth2-proxy': { program: 'oauth2-proxy (production only)', licence: 'MIT' },
};

export interface Package {
  readonly name: string;
  readonly version: string;
  /** SPDX, as the package says it; undefined when it says nothing. */
  readonly licence: string | undefined;
  /** `sha512-…` of its archive. */
  readonly integrity: string | undefined;
}

const lockFile = z.object({
  packages: z.record(
    z.string(),
    z.object({
      version: z.string().optional(),
      license: z.string().optional(),
      integrity: z.string().optional(),
      link: z.boolean().default(false),
      dev: z.boolean().default(false),
      devOptional: z.boolean().default(false),
    }),
  ),
});

/** Packages of others that `npm ci --omit=dev` installs, by name; `lock` is the text of package-lock.json. */
export function productionPackages(lock: string): Package[] {
  const { packages } = lockFile.parse(JSON.parse(lock));
  const found = Object.entries(packages).flatMap(([path, { version, license, integrity, link, dev, devOptional }]) => {
    const name = path.split('node_modules/').at(-1)!;
    const ours = !path.includes('node_modules/') || link;
    return ours || dev || devOptional || version === undefined
      ? []
      : [[`${name}@${version}`, { name, version, licence: license, integrity }] as const];
  });
  return [...new Map(found).values()].sort((a, b) =>
    a.name < b.name ? -1 : a.name > b.name ? 1 : a.version < b.version ? -1 : 1,
  );
}

/** Whether an SPDX expression can be met with accepted licences alone: `MIT`, `(MIT OR GPL-2.0)`, `MIT AND ISC`. */
export function isAccepted(licence: string | undefined): boolean {
  if (licence === undefined) return false;
  const all = (text: string) => text.split(' AND ').every((id) => ACCEPTED.has(id.trim()));
  const plain = licence.replace(/^\((.*)\)$/, '$1');
  // A group inside a group is for a person to read.
  return !/[()]/.test(plain) && plain.split(' OR ').some(all);
}

/**
 * The text of docs/licences.md.
 * @throws naming each package whose licence is not accepted, or that states none
 */
export function licencesPage(packages: readonly Package[]): string {
  const refused = packages.filter(({ licence }) => !isAccepted(licence));
  if (refused.length > 0) {
    throw new Error(
      `Licences that supply-chain/licences.ts does not accept for what we link:\n${refused
        .map(({ name, version, licence }) => `  ${name} ${version}: ${licence ?? 'states none'}`)
        .join('\n')}\nTake another package, or have the licence read and add it there.`,
    );
  }
  return `<!-- Generated from package-lock.json by build.ts. Do not edit; run: npm run build -->
# Licences

This repository is under Apache-2.0.

## Linked: the ${packages.length} npm packages of the image of our services

${packages.map(({ name, version, licence }) => `- ${name} ${version}: ${licence}`).join('\n')}

## Run beside: programs of their own

We speak to them over the network, link nothing of them, and distribute none of them. A run in Docker pulls their images; a run without
builds some of them from their sources ([engines/](../engines/README.md)), where one file links Tempo and is under AGPL-3.0 with it.

${Object.values(PROGRAMS)
  .map(({ program, licence }) => `- ${program}: ${licence}`)
  .join('\n')}

The modules that are compiled into the engines are in the SBOMs that \`npm run supply:sbom\` writes, without their licences: Go modules do not
state them in a form that a program reads.
`;
}

export const licences = (root: string): string =>
  licencesPage(productionPackages(readFileSync(resolve(root, 'package-lock.json'), 'utf8')));
