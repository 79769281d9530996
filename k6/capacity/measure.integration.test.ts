import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { gather, measureStep } from './measure.ts';

const ANSWER = JSON.stringify({
  access_token: 'a',
  clients: [{ id: 'a' }],
  clinicians: [{ id: 1 }],
  notes: [{ id: 'a' }],
});

/** Answers everything, and hangs up on each third request once somebody has signed in. */
async function clinic(look: () => Promise<unknown[]>) {
  let asked = 0;
  const server = createServer((request, response) => {
    if (request.url === '/metrics') response.end();
    else if (asked++ > 3 && asked % 3 === 0) request.socket.destroy();
    else response.end(ANSWER);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return {
    asked: () => asked,
    clinic: {
      url: `http://127.0.0.1:${port}`,
      password: 'a',
      stack: { port: () => port, pid: () => process.pid },
      database: { query: look as <Row>() => Promise<Row[]> },
    },
  };
}
const SESSIONS = { working: 1, locked: 0, reading: 0, waiting: 0 };

test.runIf(process.platform === 'linux')(
  'a connection that is lost counts as an error, and the step goes on',
  async () => {
    const { clinic: loaded } = await clinic(async () => [SESSIONS]);
    const { errors, throughputs, usage } = await measureStep(gather(loaded), 1, 1);
    expect(errors).toBeGreaterThan(0);
    expect(Math.max(...throughputs)).toBeGreaterThan(0);
    expect(usage.working).toBe(1);
  },
);

test.runIf(process.platform === 'linux')('nobody asks any more when a step cannot be measured', async () => {
  const { clinic: loaded, asked } = await clinic(() => Promise.reject(new Error('the database is gone')));
  await expect(measureStep(gather(loaded), 1, 1)).rejects.toThrow('the database is gone');
  await sleep(100);
  const before = asked();
  await sleep(200);
  expect(asked()).toBe(before);
});
