/** The shipped Collector configuration on the real Collector: what passes, what never does, and what survives. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { eventually } from './eventually.ts';
import { Canary, EXEMPLAR, plantedLogs, plantedMetrics, plantedPage, plantedTraces } from './planted.ts';
import { type CollectorConfiguration, ShippedCollector, Sink } from './shipped-collector.ts';
import { events, newUid, otlpLogs } from './slow-events.ts';

interface Sinks {
  readonly tempo: Sink;
  readonly prometheus: Sink;
  readonly recorder: Sink;
  readonly target: Sink;
}

async function startSinks(): Promise<Sinks> {
  const [tempo, prometheus, recorder, target] = [
    await Sink.start(),
    await Sink.start(),
    await Sink.start(),
    await Sink.start(),
  ];
  return { tempo, prometheus, recorder, target };
}

const stopSinks = (sinks: Sinks) => Promise.all(Object.values(sinks).map((sink: Sink) => sink.down()));

/** Metrics are scraped; for fields that no scraped page can hold, the pipeline is also fed with OTLP. */
function acceptMetrics({ service }: CollectorConfiguration): void {
  service.pipelines.metrics!.receivers.push('otlp');
}

const uidsIn = (sink: Sink) => new Set(sink.text.match(/[0-9a-f]{32}(?="\}\},\{"key":"http\.route")/g) ?? []);

const holdsAll = (all: ReadonlySet<string>, some: ReadonlySet<string>) => [...some].every((each) => all.has(each));

const ids = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };
const attribute = (key: string, value: string | number | boolean) => ({
  key,
  value:
    typeof value === 'string'
      ? { stringValue: value }
      : typeof value === 'boolean'
        ? { boolValue: value }
        : Number.isInteger(value)
          ? { intValue: String(value) }
          : { doubleValue: value },
});
const attributes = (record: Record<string, string | number | boolean>) =>
  Object.entries(record).map(([key, value]) => attribute(key, value));

const RESOURCE = {
  'service.name': 'clinic-api',
  'service.version': '0.1.0',
  'service.instance.id': 'b1946ac92492d2347c6235b4d2611184',
  'deployment.environment.name': 'development',
};
const SPANS = [
  {
    name: 'GET /clients/:id',
    kind: 2,
    attributes: {
      'http.request.method': 'GET',
      'http.route': '/clients/:id',
      'http.response.status_code': 200,
      slow: true,
    },
  },
  {
    name: 'SELECT clients',
    kind: 3,
    attributes: {
      'db.system.name': 'postgresql',
      'db.operation.name': 'SELECT',
      'db.collection.name': 'clients',
      'db.response.status_code': '23505',
      'error.type': '23505',
      'server.address': 'postgres',
    },
  },
  {
    name: 'page_load',
    kind: 1,
    attributes: { metric: 'page_load', 'http.route': '/clients/:id', 'error.type': 'TypeError' },
  },
  {
    name: 'POST unknown',
    kind: 2,
    attributes: { 'http.request.method': 'POST', 'http.route': 'unknown', 'error.type': '500' },
  },
];

const traces = () => ({
  resourceSpans: [
    {
      resource: { attributes: attributes(RESOURCE) },
      scopeSpans: [
        {
          spans: SPANS.map((span) => ({
            ...ids,
            ...span,
            startTimeUnixNano: '1750000000000000000',
            endTimeUnixNano: '1750000001000000000',
            status: { code: 2 },
            attributes: attributes(span.attributes),
          })),
        },
      ],
    },
  ],
});

const PAGE = `# HELP slow_events Slow events stored by the recorder, each once.
# TYPE slow_events counter
slow_events_total{metric="page_load"} 7
# TYPE operation_duration_seconds histogram
operation_duration_seconds_bucket{metric="page_load",source="browser",le="3"} 1 # {trace_id="${ids.traceId}",span_id="${ids.spanId}"} 2.5 1750000000
operation_duration_seconds_bucket{metric="page_load",source="browser",le="+Inf"} 1
operation_duration_seconds_sum{metric="page_load",source="browser"} 2.5
operation_duration_seconds_count{metric="page_load",source="browser"} 1
# TYPE db_client_connection_count gauge
db_client_connection_count{state="idle"} 3
# TYPE nodejs_heap_space_size_used_bytes gauge
nodejs_heap_space_size_used_bytes{space="large_object"} 4096
# TYPE nodejs_active_handles gauge
nodejs_active_handles{type="Socket"} 2
# TYPE invented gauge
invented{metric="page_load"} 1
# EOF
`;

describe('privacy', () => {
  let sinks: Sinks;
  let collector: ShippedCollector;
  beforeAll(async () => {
    sinks = await startSinks();
    collector = await ShippedCollector.start({ ...sinks, change: acceptMetrics });
  });
  afterAll(async () => {
    await collector?.stop();
    await stopSinks(sinks);
  });

  test('no word planted anywhere comes out, but for an exemplar of OTLP metrics, which are not accepted as shipped', async () => {
    const canary = new Canary();
    const headers = {
      'x-patient': canary.word('request: header'),
      baggage: `patient=${canary.word('request: baggage')}`,
      'user-agent': canary.word('request: user agent'),
    };
    sinks.target.page = plantedPage(canary);
    const answers = [
      await collector.post('traces', plantedTraces(canary), headers),
      await collector.post('logs', plantedLogs(canary), headers),
      await collector.post('metrics', plantedMetrics(canary), headers),
    ];
    expect(canary.planted).toBeGreaterThanOrEqual(100);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    await eventually(
      () =>
        sinks.tempo.text.includes('internal') &&
        sinks.recorder.text.includes('slow_event') &&
        sinks.prometheus.text.includes('operation_duration_seconds'),
      {
        within: 10_000,
        what: 'all three signals',
      },
    );
    await eventually(() => sinks.prometheus.text.match(/"slow_events_total"/g)?.length ?? 0 > 2, {
      within: 10_000,
      what: 'two scrapes',
    });
    const out = Object.values(sinks)
      .map((sink: Sink) => sink.text)
      .join('\n');
    expect(canary.foundIn(out)).toEqual([EXEMPLAR]);
    expect(canary.foundIn(collector.output)).toEqual([]);
    expect(canary.foundIn(await collector.metrics())).toEqual([]);
    expect(canary.foundIn(JSON.stringify(answers))).toEqual([]);
  });

  test('an event of a metric that is not known still counts, as other', async () => {
    sinks.recorder.received.length = 0;
    await collector.post('logs', otlpLogs(events(1, { metric: 'jane_doe_chart', durationMs: 1500 })));
    const text = await eventually(() => sinks.recorder.text, { within: 5_000, what: 'the event' });
    expect(text).toContain('{"key":"metric","value":{"stringValue":"other"}}');
    expect(text).not.toContain('jane');
  });

  test('what cannot be read is refused, and nothing of it is written to the log', async () => {
    for (const body of [
      '{"resourceLogs":[{"x":"PHI999X',
      'PHI999X',
      '{"resourceLogs":"PHI999X"}',
      '{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"traceId":"PHI999X"}]}]}]}',
    ]) {
      // The answer, which only the sender sees, quotes a part of what it sent; it cannot be configured.
      expect((await collector.post('logs', body)).status).toBe(400);
    }
    expect(collector.output).not.toContain('PHI999X');
    expect((await collector.post('logs', `{"resourceLogs":[${' '.repeat(5_000_000)}]}`)).status).toBeGreaterThanOrEqual(
      400,
    );
  });
});

describe('what is ours comes through complete', () => {
  let sinks: Sinks;
  let collector: ShippedCollector;
  beforeAll(async () => {
    sinks = await startSinks();
    sinks.target.page = PAGE;
    collector = await ShippedCollector.start(sinks);
  });
  afterAll(async () => {
    await collector?.stop();
    await stopSinks(sinks);
  });

  test('spans, with every attribute', async () => {
    expect((await collector.post('traces', traces())).status).toBe(200);
    const { body } = await eventually(() => sinks.tempo.received[0], { within: 5_000, what: 'spans' });
    const { resourceSpans } = JSON.parse(body);
    expect(resourceSpans).toHaveLength(1);
    expect(resourceSpans[0].resource.attributes).toEqual(attributes(RESOURCE));
    const passed = resourceSpans[0].scopeSpans[0].spans;
    expect(passed.map(({ name }: { name: string }) => name)).toEqual(SPANS.map(({ name }) => name));
    for (const [index, span] of SPANS.entries()) {
      expect(passed[index]).toMatchObject({
        ...ids,
        kind: span.kind,
        status: { code: 2 },
        startTimeUnixNano: '1750000000000000000',
      });
      expect(passed[index].attributes).toEqual(attributes(span.attributes));
    }
  });

  test('slow events, with uid, duration, limit, route, time and trace', async () => {
    const uid = newUid();
    const body = otlpLogs([{ metric: 'page_load', durationMs: 3000.0000001, uid, at: 1_750_000_000_123 }]);
    expect((await collector.post('logs', body)).status).toBe(200);
    await eventually(() => sinks.recorder.text.includes(uid), { within: 5_000, what: 'the event' });
    const sent = JSON.parse(body).resourceLogs[0].scopeLogs[0].logRecords[0];
    const [{ resource, scopeLogs }] = JSON.parse(sinks.recorder.received[0]!.body).resourceLogs;
    expect(sinks.recorder.received[0]).toMatchObject({
      path: '/v1/logs',
      headers: { 'content-type': 'application/json' },
    });
    expect(resource.attributes).toEqual(attributes({ 'service.name': 'clinic-api' }));
    const [record] = scopeLogs[0].logRecords;
    expect(record).toMatchObject({
      eventName: 'slow_event',
      timeUnixNano: '1750000000123000000',
      traceId: sent.traceId,
      spanId: sent.spanId,
    });
    expect(record.attributes).toEqual(sent.attributes);
  });

  test('metrics by the names of the catalogue, with labels, service and exemplar; other names are dropped', async () => {
    const text = await eventually(
      () => (sinks.prometheus.text.includes('operation_duration_seconds') ? sinks.prometheus.text : ''),
      { within: 10_000, what: 'metrics' },
    );
    for (const name of ['slow_events_total', 'db_client_connection_count', 'nodejs_heap_space_size_used_bytes', 'up'])
      expect(text).toContain(`"name":"${name}"`);
    expect(text).not.toMatch(/invented|nodejs_active_handles"/);
    const request = sinks.prometheus.received.find(({ body }) => body.includes('operation_duration_seconds'))!;
    expect(request.path).toBe('/api/v1/otlp/v1/metrics');
    const [{ resource, scopeMetrics }] = JSON.parse(request.body).resourceMetrics;
    expect(resource.attributes).toHaveLength(2);
    expect(resource.attributes).toContainEqual(attribute('service.name', resource.attributes[0].value.stringValue));
    const { metrics } = scopeMetrics[0];
    const histogram = metrics.find(({ name }: { name: string }) => name === 'operation_duration_seconds').histogram;
    expect(histogram.dataPoints[0]).toMatchObject({
      count: '1',
      sum: 2.5,
      explicitBounds: [3],
      exemplars: [{ ...ids, asDouble: 2.5 }],
    });
    expect(histogram.dataPoints[0].attributes).toEqual(
      expect.arrayContaining(attributes({ metric: 'page_load', source: 'browser' })),
    );
    // The one field that no statement can clear: it must be empty at the source.
    expect(histogram.dataPoints[0].exemplars[0].filteredAttributes ?? []).toEqual([]);
  });

  test('a scrape target that is away is up == 0', async () => {
    await sinks.target.down();
    await eventually(
      () => /"name":"up"[^}]*\{"dataPoints":\[\{"timeUnixNano":"\d+","asDouble":0\}/.test(sinks.prometheus.text),
      { within: 10_000, what: 'up == 0' },
    ).finally(() => sinks.target.up());
  });

  test('free text in the log pipeline is dropped and counted, and its sender is not made to retry', async () => {
    const before = sinks.recorder.received.length;
    const body = {
      resourceLogs: [{ scopeLogs: [{ logRecords: [{ body: { stringValue: 'a line' } }, { eventName: 'login' }] }] }],
    };
    expect((await collector.post('logs', body)).status).toBe(200);
    const metrics = await eventually(
      async () => {
        const text = await collector.metrics();
        return /otelcol_processor_filter_logs[^ ]* 2\b/.test(text) && text;
      },
      { within: 5_000, what: 'a count of two' },
    );
    expect(metrics).toBeTruthy();
    expect(sinks.recorder.received).toHaveLength(before);
  });

  test('OTLP metrics are not accepted: their exemplars could carry anything', async () => {
    expect((await collector.post('metrics', { resourceMetrics: [] })).status).toBe(404);
  });
});

describe('a statement that fails', () => {
  const faults = {
    traces: ['trace_statements', 'set(span.links, [])', traces()],
    logs: [
      'log_statements',
      'set(log.body, ParseJSON("{"))',
      JSON.parse(otlpLogs(events(1, { metric: 'page_load', durationMs: 4000 }))),
    ],
  } as const;
  for (const [signal, [statements, fault, body]] of Object.entries(faults) as [
    keyof typeof faults,
    (typeof faults)['logs'],
  ][]) {
    test(`stops ${signal}: the sender is told 503 and nothing passes`, async () => {
      const sinks = await startSinks();
      const collector = await ShippedCollector.start({
        ...sinks,
        change: ({ processors }) =>
          (processors['transform/strip'] as Record<string, string[]>)[statements]!.push(fault),
      });
      try {
        expect((await collector.post(signal, body)).status).toBe(503);
        expect(sinks.tempo.received).toEqual([]);
        expect(sinks.recorder.received).toEqual([]);
        expect(await collector.metrics()).toMatch(/otelcol_receiver_(refused|failed)_(spans|log_records)[^ ]* [1-9]/);
      } finally {
        await collector.stop();
        await stopSinks(sinks);
      }
    });
  }
});

describe('queues', () => {
  let sinks: Sinks;
  let collector: ShippedCollector;
  beforeEach(async () => {
    sinks = await startSinks();
  });
  afterEach(async () => {
    await collector?.stop();
    await stopSinks(sinks);
  });
  const slow = () => ({ metric: 'page_load', durationMs: 4000, uid: newUid() });

  test('events accepted while the recorder is away survive SIGKILL, and all arrive', async () => {
    collector = await ShippedCollector.start(sinks);
    await sinks.recorder.down();
    const sent = Array.from({ length: 40 }, slow);
    for (const event of sent) expect((await collector.post('logs', otlpLogs([event]))).status).toBe(200);
    expect(await collector.metrics()).toMatch(/otelcol_exporter_queue_size\{[^}]*otlp_http\/recorder[^}]*\} [1-9]/);
    await collector.kill('SIGKILL');
    await sinks.recorder.up();
    await collector.run();
    const wanted = new Set(sent.map(({ uid }) => uid));
    await eventually(() => holdsAll(uidsIn(sinks.recorder), wanted), { within: 15_000, what: 'forty events' });
    expect(uidsIn(sinks.recorder)).toEqual(wanted);
  });

  test('a recorder that comes back gets its events within a second', async () => {
    collector = await ShippedCollector.start(sinks);
    await sinks.recorder.down();
    const event = slow();
    await collector.post('logs', otlpLogs([event]));
    await new Promise((resolve) => setTimeout(resolve, 700));
    await sinks.recorder.up();
    await eventually(() => uidsIn(sinks.recorder).has(event.uid), { within: 1_500, what: 'the event' });
  });

  test('an answer of 503 is retried; a full queue answers 503 and what it had accepted arrives', async () => {
    collector = await ShippedCollector.start({
      ...sinks,
      change: ({ exporters }) => {
        (exporters['otlp_http/recorder']!.sending_queue as Record<string, unknown>).queue_size = 4000;
      },
    });
    sinks.recorder.status = 503;
    const accepted = new Set<string>();
    let refusal = 0;
    for (let sent = 0; sent < 200 && refusal === 0; sent++) {
      const event = slow();
      const { status } = await collector.post('logs', otlpLogs([event]));
      if (status === 200) accepted.add(event.uid);
      else refusal = status;
    }
    expect(refusal).toBe(503);
    expect(accepted.size).toBeGreaterThan(5);
    // Another queue is not starved by this one.
    expect((await collector.post('traces', traces())).status).toBe(200);
    await eventually(() => sinks.tempo.received.length > 0, { within: 5_000, what: 'spans past the full queue' });
    sinks.recorder.status = 200;
    await eventually(() => holdsAll(uidsIn(sinks.recorder), accepted), {
      within: 15_000,
      what: 'all accepted events',
    });
  });

  test('with Tempo and Prometheus away senders still get 200, slow events pass, and what waits survives SIGKILL', async () => {
    sinks.target.page = PAGE;
    await sinks.tempo.down();
    await sinks.prometheus.down();
    collector = await ShippedCollector.start(sinks);
    expect((await collector.post('traces', traces())).status).toBe(200);
    const event = slow();
    await collector.post('logs', otlpLogs([event]));
    await eventually(() => uidsIn(sinks.recorder).has(event.uid), { within: 2_000, what: 'the event' });
    await eventually(
      async () =>
        /otelcol_exporter_queue_size\{[^}]*otlp_http\/prometheus[^}]*\} [1-9]/.test(await collector.metrics()),
      { within: 10_000, what: 'waiting metrics' },
    );
    await collector.kill('SIGKILL');
    await sinks.tempo.up();
    await sinks.prometheus.up();
    await collector.run();
    await eventually(
      () => sinks.tempo.text.includes('SELECT clients') && sinks.prometheus.text.includes('slow_events_total'),
      { within: 15_000, what: 'spans and metrics' },
    );
  });
});
