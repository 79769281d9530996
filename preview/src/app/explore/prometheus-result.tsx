import { LoadingState } from '@grafana/data';
import {
  EmbeddedScene,
  SceneControlsSpacer,
  SceneFlexItem,
  SceneFlexLayout,
  SceneQueryRunner,
  SceneRefreshPicker,
  SceneTimePicker,
  SceneTimeRange,
  sceneGraph,
  VizPanel,
} from '@grafana/scenes';
import { useEffect, useMemo } from 'react';
import { PROMETHEUS_UID } from '../prometheus/source.ts';

export interface PrometheusResultProps {
  /** PromQL; asked whenever it or `run` changes. */
  readonly query: string;
  readonly from: string;
  readonly to: string;
  onRange(from: string, to: string): void;
  /** Prometheus' message, or undefined when it answered. */
  onError(message: string | undefined): void;
}

function runner(query: string, more: object): SceneQueryRunner {
  const datasource = { type: 'prometheus', uid: PROMETHEUS_UID };
  return new SceneQueryRunner({
    datasource,
    queries: [{ refId: 'A', expr: query, ...more }],
    maxDataPointsFromWidth: true,
  });
}

function sceneOf({ query, from, to }: Pick<PrometheusResultProps, 'query' | 'from' | 'to'>): EmbeddedScene {
  const graph = new VizPanel({
    key: 'explore-graph',
    pluginId: 'timeseries',
    title: 'Graph',
    $data: runner(query, { range: true, exemplar: true }),
    options: {
      legend: { showLegend: true, displayMode: 'table', placement: 'bottom', calcs: ['lastNotNull', 'max'] },
      tooltip: { mode: 'multi', sort: 'desc' },
    },
    fieldConfig: { defaults: { custom: { lineWidth: 1, fillOpacity: 8, showPoints: 'auto' } }, overrides: [] },
  });
  const table = new VizPanel({
    key: 'explore-table',
    pluginId: 'table',
    title: 'Table: at the end of the range',
    $data: runner(query, { instant: true, format: 'table' }),
    fieldConfig: { defaults: { custom: { filterable: true } }, overrides: [] },
  });
  return new EmbeddedScene({
    $timeRange: new SceneTimeRange({ from, to }),
    controls: [
      new SceneControlsSpacer(),
      new SceneTimePicker({ isOnCanvas: true }),
      new SceneRefreshPicker({ isOnCanvas: true, intervals: ['5s', '15s', '1m', '5m'] }),
    ],
    body: new SceneFlexLayout({
      direction: 'column',
      children: [
        new SceneFlexItem({ minHeight: 400, body: graph }),
        new SceneFlexItem({ minHeight: 300, body: table }),
      ],
    }),
  });
}

/** The answer as a graph and as a table, with Grafana's own time picker. */
export function PrometheusResult({ query, from, to, onRange, onError }: PrometheusResultProps) {
  // biome-ignore lint/correctness/useExhaustiveDependencies: the scene has its own time range from then on
  const scene = useMemo(() => sceneOf({ query, from, to }), [query]);
  useEffect(() => {
    const range = sceneGraph.getTimeRange(scene);
    if (range.state.from !== from || range.state.to !== to) {
      const made = new SceneTimeRange({ from, to });
      range.onTimeRangeChange(made.state.value);
    }
  }, [scene, from, to]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only a new scene needs new subscriptions
  useEffect(() => {
    const range = sceneGraph.getTimeRange(scene).subscribeToState((now, before) => {
      if (now.from !== before.from || now.to !== before.to) onRange(now.from, now.to);
    });
    const graph = sceneGraph.findObject(scene, (one) => one instanceof VizPanel && one.state.key === 'explore-graph');
    const answers = graph?.state.$data?.subscribeToState(({ data }) => {
      if (data?.state === LoadingState.Error) onError(data.errors?.[0]?.message ?? data.error?.message);
      if (data?.state === LoadingState.Done) onError(undefined);
    });
    return () => {
      range.unsubscribe();
      answers?.unsubscribe();
    };
  }, [scene]);
  return <scene.Component model={scene} />;
}
