import { DashboardCursorSync } from '@grafana/data';
import {
  behaviors,
  dataLayers,
  EmbeddedScene,
  LocalValueVariable,
  MultiValueVariable,
  SceneControlsSpacer,
  SceneDataLayerSet,
  SceneGridItem,
  type SceneGridItemLike,
  SceneGridLayout,
  SceneGridRow,
  SceneRefreshPicker,
  SceneTimePicker,
  SceneTimeRange,
  SceneVariableSet,
  sceneGraph,
  VariableValueSelectors,
} from '@grafana/scenes';
import { EventControls } from './event-controls.tsx';
import type { AnnotationModel, DashboardModel, PanelModel } from './model.ts';
import { toPanel } from './panel.tsx';
import { toVariable } from './variables.ts';

const COLUMNS = 24;
const REFRESH_INTERVALS = ['5s', '10s', '30s', '1m', '5m', '15m', '30m', '1h'];
const SYNC = [DashboardCursorSync.Off, DashboardCursorSync.Crosshair, DashboardCursorSync.Tooltip] as const;

/** Values of the variables that panels are repeated by. */
type Repeats = ReadonlyMap<string, readonly string[]>;

function gridItem(panel: PanelModel, { x, y, w, h }: PanelModel['gridPos']): SceneGridItem {
  return new SceneGridItem({ key: `grid-item-${panel.id}`, x, y, width: w, height: h, body: toPanel(panel) });
}

/** One panel per value, side by side or one below the other. */
function repeated(panel: PanelModel, variable: string, values: readonly string[], y: number): SceneGridItem[] {
  const vertical = panel.repeatDirection === 'v';
  const perRow = vertical ? 1 : Math.max(1, Math.min(panel.maxPerRow ?? 4, values.length));
  const w = vertical ? panel.gridPos.w : COLUMNS / perRow;
  const { x, h } = panel.gridPos;
  return values.map((value, index) => {
    const column = index % perRow;
    const place = { x: vertical ? x : column * w, y: y + Math.floor(index / perRow) * h, w, h };
    const item = gridItem({ ...panel, id: `${panel.id}-${value}` }, place);
    const own = new LocalValueVariable({ name: variable, value, text: value });
    item.state.body?.setState({ $variables: new SceneVariableSet({ variables: [own] }) });
    return item;
  });
}

function itemsOf(panels: readonly PanelModel[], repeats: Repeats): SceneGridItem[] {
  let shift = 0;
  return panels.flatMap((panel) => {
    const y = panel.gridPos.y + shift;
    const values = panel.repeat && repeats.get(panel.repeat);
    if (!panel.repeat || !values) return [gridItem(panel, { ...panel.gridPos, y })];
    const items = repeated(panel, panel.repeat, values, y);
    const rows = new Set(items.map(({ state }) => state.y)).size;
    shift += (Math.max(1, rows) - 1) * panel.gridPos.h;
    return items;
  });
}

function grid(panels: readonly PanelModel[], repeats: Repeats): SceneGridItemLike[] {
  const sorted = [...panels].sort((a, b) => a.gridPos.y - b.gridPos.y || a.gridPos.x - b.gridPos.x);
  const out: SceneGridItemLike[] = [];
  let row: PanelModel | undefined;
  let bucket: PanelModel[] = [];
  const flush = () => {
    if (!row) out.push(...itemsOf(bucket, repeats));
    else {
      out.push(
        new SceneGridRow({
          key: `row-${row.id}`,
          title: row.title ?? '',
          isCollapsed: row.collapsed ?? false,
          isCollapsible: true,
          x: 0,
          y: row.gridPos.y,
          children: itemsOf(row.collapsed ? (row.panels ?? []) : bucket, repeats),
        }),
      );
    }
    bucket = [];
  };
  for (const panel of sorted) {
    if (panel.type === 'row') {
      flush();
      row = panel;
    } else bucket.push(panel);
  }
  flush();
  return out;
}

/** Builds the grid anew when a variable that panels are repeated by changes. */
function repeatBehavior(panels: readonly PanelModel[], names: readonly string[]) {
  return (layout: SceneGridLayout) => {
    const variables = names
      .map((name) => sceneGraph.lookupVariable(name, layout))
      .filter((variable): variable is MultiValueVariable => variable instanceof MultiValueVariable);
    let last = '';
    const build = () => {
      const repeats = new Map(
        variables.map((variable) => {
          const { options, value, name } = variable.state;
          const chosen = variable.hasAllValue() ? options.map((option) => option.value) : [value].flat();
          return [name, chosen.map(String).filter((one) => one !== '')] as const;
        }),
      );
      const now = JSON.stringify([...repeats]);
      if (now === last || [...repeats.values()].some((values) => values.length === 0)) return;
      last = now;
      layout.setState({ children: grid(panels, repeats) });
    };
    build();
    const subscriptions = variables.map((variable) => variable.subscribeToState(build));
    return () => {
      for (const subscription of subscriptions) subscription.unsubscribe();
    };
  };
}

function layers(annotations: readonly AnnotationModel[]) {
  // "-- Grafana --" holds notes of Grafana's own database.
  const own = annotations.filter(
    ({ datasource }) => datasource?.uid !== '-- Grafana --' && datasource?.type !== 'grafana',
  );
  return own.map(
    (annotation) =>
      new dataLayers.AnnotationsDataLayer({
        key: `annotations-${annotation.name}`,
        name: annotation.name,
        isEnabled: annotation.enable,
        isHidden: annotation.hide ?? false,
        query: { ...annotation } as never,
      }),
  );
}

/** A dashboard in Grafana's classic schema as a scene of Grafana's. */
export function toScene(dashboard: DashboardModel): EmbeddedScene {
  const panels = dashboard.panels ?? [];
  const all = panels.flatMap((panel) => [panel, ...(panel.panels ?? [])]);
  const repeatNames = [...new Set(all.flatMap(({ repeat }) => repeat ?? []))];
  const body = new SceneGridLayout({
    isLazy: false,
    isDraggable: false,
    isResizable: false,
    children: repeatNames.length > 0 ? [] : grid(panels, new Map()),
    ...(repeatNames.length > 0 && { $behaviors: [repeatBehavior(panels, repeatNames) as never] }),
  });
  const events = layers(dashboard.annotations?.list ?? []);
  const timeZone = dashboard.timezone || 'browser';
  return new EmbeddedScene({
    $timeRange: new SceneTimeRange({
      from: dashboard.time?.from ?? 'now-6h',
      to: dashboard.time?.to ?? 'now',
      timeZone,
      ...(dashboard.timepicker?.nowDelay && { UNSAFE_nowDelay: dashboard.timepicker.nowDelay }),
    }),
    $variables: new SceneVariableSet({ variables: (dashboard.templating?.list ?? []).map(toVariable) }),
    ...(events.length > 0 && { $data: new SceneDataLayerSet({ name: 'Events', layers: events }) }),
    $behaviors: [new behaviors.CursorSync({ sync: SYNC[dashboard.graphTooltip ?? 0] })],
    controls: [
      new VariableValueSelectors({}),
      ...(events.length > 0 ? [new EventControls({ layers: events.map((event) => event.getRef()) })] : []),
      new SceneControlsSpacer(),
      new SceneTimePicker({ isOnCanvas: true }),
      new SceneRefreshPicker({
        isOnCanvas: true,
        refresh: dashboard.refresh || '',
        intervals: dashboard.timepicker?.refresh_intervals ?? REFRESH_INTERVALS,
      }),
    ],
    body,
  });
}
