/** A page that records what a test tells it to. */
import { early } from '@clinic/instrumentation/browser/early';
import { performanceMonitor } from '@clinic/instrumentation/browser/performance-monitor';
import { clearTelemetry, scheduleTelemetry } from '@clinic/instrumentation/browser/schedule';
import { trace } from '@opentelemetry/api';

const push = early.push;

const controls = {
  /** Records 1, 2, … milliseconds. */
  record(metric: string, count: number) {
    for (let ms = 1; ms <= count; ms++) performanceMonitor.recordMetric(metric, ms);
  },
  recordOne: performanceMonitor.recordMetric,
  /** Whether the telemetry chunk has taken over. */
  running: () => early.push !== push,
  fail(count: number) {
    for (let error = 0; error < count; error++) setTimeout(failToBook);
  },
  span(name: string) {
    trace
      .getTracer('page')
      .startSpan(name, { attributes: { 'client.name': name } })
      .end();
  },
  visit: () => ({ id: early.id, trace: early.load.i }),
  signOut: clearTelemetry,
};
export type Controls = typeof controls;
Object.assign(window, { controls });

function failToBook(): void {
  throw new RangeError('Plantedtoken');
}

scheduleTelemetry();
