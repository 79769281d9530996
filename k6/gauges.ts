/** Tells Prometheus of a load test, so that the dashboards can mark it and compare it. */
import { type LoadSignal, signals } from '@clinic/catalogue/signals';

export type Reading = readonly [signal: LoadSignal, labels: Readonly<Record<string, string>>, value: number];

/** Writes gauges by OTLP, as the job `load`. Rejects when Prometheus does not take them. */
export async function writeGauges(prometheus: string, readings: readonly Reading[]): Promise<void> {
  const timeUnixNano = `${Date.now()}000000`;
  const attribute = (key: string, value: string) => ({ key, value: { stringValue: value } });
  const response = await fetch(`${prometheus}/api/v1/otlp/v1/metrics`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      resourceMetrics: [
        {
          resource: { attributes: [attribute('service.name', 'load'), attribute('service.instance.id', 'load')] },
          scopeMetrics: [
            {
              metrics: readings.map(([signal, labels, asDouble]) => ({
                name: signals[signal].name,
                gauge: {
                  dataPoints: [
                    {
                      timeUnixNano,
                      asDouble,
                      attributes: Object.entries(labels).map(([key, value]) => attribute(key, value)),
                    },
                  ],
                },
              })),
            },
          ],
        },
      ],
    }),
    signal: AbortSignal.timeout(5_000),
  });
  if (!response.ok) throw new Error(`Prometheus answered ${response.status} to the results of the load test`);
  await response.body?.cancel();
}
