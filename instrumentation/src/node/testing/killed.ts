// Records slow events within 300 ms and is killed 250 ms after the last one. Arguments: the sink's URL, how many.
import { otlpSender } from '../otlp.ts';
import { SlowEvents } from '../slow-events.ts';

const [url, count] = process.argv.slice(2);
const events = new SlowEvents({ send: otlpSender(`${url}/v1/logs`), resource: { 'service.name': 'killed' } });
const last = Number(count) - 1;
for (let i = 0; i <= last; i++) {
  setTimeout(() => events.add({ metric: 'render', durationMs: 101, thresholdMs: 100 }), (300 * i) / Number(count));
}
setTimeout(() => process.kill(process.pid, 'SIGKILL'), (300 * last) / Number(count) + 250);
