import { join } from 'node:path';
import { readComposeFile } from './compose-file.ts';
import { takenPorts } from './port-check.mjs';

/** These move the stack's ports to where nothing of it meets another one, and below those that the system hands out. */
const OFFSETS = [11_000, 11_600, 12_200, 12_800, 13_400];

/** An offset at which all ports of the stack are free at the moment, for a stack beside others. Throws when there is none. */
export async function freePortOffset(root: string): Promise<number> {
  const { services } = await readComposeFile(join(root, 'docker-compose.yml'));
  for (const offset of OFFSETS) {
    const wanted = services.flatMap(({ name, ports }) => ports.map((port) => ({ port: port + offset, service: name })));
    if ((await takenPorts(wanted)).length === 0) return offset;
  }
  throw new Error('Other stacks hold all the ports that this one could use. Stop one of them: npm stop');
}
