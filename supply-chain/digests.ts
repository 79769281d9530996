/**
 * `npm run supply:digests [OUT]`: writes compose.digests.yml, which pins every image of others to its content. Needs docker with buildx, and the
 * registries. Use it as one more `-f`.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { read } from '../stack/commands.mjs';
import { imagesOf, type ServiceImage } from './images.ts';

/**
 * The text of a compose file that pins each image. `digestOf` resolves an image with its tag to `sha256:…`.
 * @throws when an answer is none
 */
export function pinned(images: readonly ServiceImage[], digestOf: (image: string) => string): string {
  const digests = new Map<string, string>();
  const lines = images
    .filter(({ ours }) => !ours)
    .map(({ service, image }) => {
      const digest = digests.get(image) ?? digestOf(image).trim();
      if (!/^sha256:[0-9a-f]{64}$/.test(digest)) throw new Error(`${image}: the registry gave no digest`);
      digests.set(image, digest);
      return `  ${service}: { image: "${image}@${digest}" }`;
    });
  return `# Written by: npm run supply:digests. What the tags stood for at that time; a tag can be moved, this cannot.\nservices:\n${lines.join('\n')}\n`;
}

if (import.meta.main) {
  const root = resolve(import.meta.dirname, '..');
  const out = resolve(
    read('supply:digests', process.argv.slice(2)).positionals[0] ?? resolve(root, 'compose.digests.yml'),
  );
  const images = ['docker-compose.yml', 'compose.production.yml'].flatMap((file) => imagesOf(root, file));
  const inspect = (image: string) =>
    execFileSync('docker', ['buildx', 'imagetools', 'inspect', image, '--format', '{{.Manifest.Digest}}'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  try {
    writeFileSync(out, pinned(images, inspect));
    console.log(`wrote ${out}`);
  } catch (error) {
    const { stderr, message } = error as { stderr?: string; message: string };
    console.error(
      `The digests could not be resolved. This needs docker with buildx, and the registries.\n${stderr || message}`,
    );
    process.exitCode = 1;
  }
}
