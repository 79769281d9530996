/**
 * `npm run supply:sbom [FOLDER]`: writes CycloneDX 1.5 documents: what npm installs into the image of our services, and the modules that
 * are compiled into each engine that is built on this machine. What base images hold is not in them.
 * The first is made from package-lock.json: `npm sbom --omit=dev` leaves out what development needs as well, such as zod.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { read } from '../stack/commands.mjs';
import { engineProgram, RECIPES } from '../stack/engines.mjs';
import { type Package, productionPackages } from './licences.ts';

interface Component {
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly licenses?: readonly object[];
  readonly hashes?: readonly object[];
  readonly properties?: readonly object[];
}

/** A CycloneDX document of a program or image; `now` is written as its time. */
export function sbom(options: { name: string; version: string; components: readonly Component[]; now: Date }): object {
  const { name, version, components, now } = options;
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: { timestamp: now.toISOString(), component: { type: 'application', name, version, 'bom-ref': name } },
    components: components.map((component) => ({ type: 'library', 'bom-ref': component.purl, ...component })),
    dependencies: [{ ref: name, dependsOn: components.map(({ purl }) => purl) }],
  };
}

export function npmComponents(packages: readonly Package[]): Component[] {
  return packages.map(({ name, version, licence, integrity }) => {
    const [algorithm, hash] = integrity?.split('-') ?? [];
    return {
      name,
      version,
      purl: `pkg:npm/${name.replace('@', '%40')}@${version}`,
      ...(licence && {
        licenses: [/ (AND|OR) /.test(licence) ? { expression: licence } : { license: { id: licence } }],
      }),
      ...(hash &&
        algorithm === 'sha512' && {
          hashes: [{ alg: 'SHA-512', content: Buffer.from(hash, 'base64').toString('hex') }],
        }),
    };
  });
}

/** The modules that `go version -m` lists for a program; of a replaced one, what replaced it, if that is not ours. */
export function goComponents(text: string): Component[] {
  const modules: Component[] = [];
  for (const line of text.split('\n')) {
    const [kind, name, version, sum] = line.trim().split('\t');
    if (!name || !version || (kind !== 'dep' && kind !== '=>')) continue;
    if (kind === '=>') modules.pop();
    if (name.startsWith('.')) continue;
    // Go's own hash of the module, which is that of no file.
    const properties = sum ? [{ name: 'go:sum', value: sum }] : [];
    modules.push({ name, version, purl: `pkg:golang/${name}@${version}`, properties });
  }
  return modules;
}

if (import.meta.main) {
  const root = resolve(import.meta.dirname, '..');
  const folder = resolve(read('supply:sbom', process.argv.slice(2)).positionals[0] ?? join(root, 'sbom'));
  const now = new Date();
  mkdirSync(folder, { recursive: true });
  const write = (name: string, version: string, components: readonly Component[]) => {
    const path = join(folder, `${name}-${version}.cdx.json`);
    writeFileSync(path, `${JSON.stringify(sbom({ name, version, components, now }), null, 2)}\n`);
    console.log(`wrote ${path}: ${components.length} components`);
  };
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const lock = readFileSync(join(root, 'package-lock.json'), 'utf8');
  write('clinic-observability-services', version, npmComponents(productionPackages(lock)));
  const go = ['/usr/local/go/bin/go', '/opt/homebrew/bin/go'].find((path) => existsSync(path)) ?? 'go';
  for (const { version, programs } of Object.values(RECIPES)) {
    for (const program of Object.keys(programs) as Parameters<typeof engineProgram>[0][]) {
      let path: string;
      try {
        path = engineProgram(program);
      } catch {
        console.log(`left out ${program}: it is not built here (npm run engines -- ${program})`);
        continue;
      }
      const listed = execFileSync(go, ['version', '-m', path], { encoding: 'utf8', maxBuffer: 2 ** 26 });
      write(program, version, goComponents(listed));
    }
  }
}
