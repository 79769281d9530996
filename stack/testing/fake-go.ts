import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A `go` whose failures can be chosen. It lists two packages, and notes each build in `folder/calls`.
 * @param build shell commands; `$out` is the program that it was told to build
 */
export function fakeGo(folder: string, { build, version = 'go1.26.8' }: { build: string; version?: string }): void {
  const script = `#!/bin/sh
if [ "$1" = version ]; then echo "go version ${version} linux/amd64"; exit 0; fi
if [ "$1" = env ]; then printf 'https://proxy.example\\n${join(folder, 'modules')}\\n'; exit 0; fi
if [ "$1" = list ]; then echo "a v1 "; echo "b v1 a"; exit 0; fi
echo "$PWD $*" >> ${join(folder, 'calls')}
while [ $# -gt 1 ]; do if [ "$1" = -o ]; then out=$2; fi; shift; done
mkdir -p "$(dirname "$out")"
${build}
`;
  writeFileSync(join(folder, 'bin/go'), script);
  chmodSync(join(folder, 'bin/go'), 0o755);
}
