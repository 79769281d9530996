/**
 * `npm run package`: writes dist/clinic-instrumentation-VERSION.tgz, the library with the catalogue in it, for an app in
 * another repository. JavaScript, because Node strips no types below node_modules.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import manifest from './package.json' with { type: 'json' };

const HERE = import.meta.dirname;
const DIST = join(HERE, 'dist');
const OUT = join(DIST, 'package');

rmSync(DIST, { recursive: true, force: true });
mkdirSync(OUT, { recursive: true });
execFileSync('tsc', ['-p', join(HERE, 'tsconfig.package.json')], { stdio: 'inherit' });
cpSync(join(DIST, 'compiled/instrumentation/src'), OUT, { recursive: true });
cpSync(join(DIST, 'compiled/catalogue'), join(OUT, 'catalogue'), { recursive: true });

for (const path of readdirSync(OUT, { recursive: true, encoding: 'utf8' })) {
  if (!/\.(js|ts)$/.test(path)) continue;
  const file = join(OUT, path);
  const text = readFileSync(file, 'utf8')
    // The catalogue is a folder of the same package now.
    .replaceAll("'@clinic/catalogue/", "'@clinic/instrumentation/catalogue/")
    // Declarations keep the extension of what they were made from.
    .replace(/(from |import\()'(\.{1,2}\/[^']*)\.ts'/g, "$1'$2.js'");
  writeFileSync(file, text);
}

const entry = (path: string) => ({ types: `./${path}.d.ts`, default: `./${path}.js` });
const { private: _private, devDependencies: _development, ...kept } = manifest as Record<string, unknown>;
const { '@clinic/catalogue': _inside, ...dependencies } = manifest.dependencies;
const published = {
  ...kept,
  exports: {
    './node': entry('node/telemetry'),
    './node/*': entry('node/*'),
    './browser/*': entry('browser/*'),
    './react': entry('react/index'),
    './catalogue/*': entry('catalogue/*'),
  },
  dependencies,
};
writeFileSync(join(OUT, 'package.json'), `${JSON.stringify(published, null, 2)}\n`);
cpSync(join(HERE, 'README.md'), join(OUT, 'README.md'));
cpSync(join(HERE, '../LICENSE'), join(OUT, 'LICENSE'));
execFileSync('npm', ['pack', '--silent', '--pack-destination', DIST], { cwd: OUT, stdio: 'ignore' });
console.log(join(DIST, `clinic-instrumentation-${manifest.version}.tgz`));
