import { FieldType, LoadingState, standardTransformersRegistry } from '@grafana/data';
import {
  type EmbeddedScene,
  type SceneDataState,
  SceneDataTransformer,
  SceneGridRow,
  sceneGraph,
  VizPanel,
} from '@grafana/scenes';
import type { PanelReport } from '../../check/panel-report.ts';

/** What a panel is drawn with; those in TEXTS may be text alone. */
const DRAWN = 'canvas, svg[role=img], [role=grid], .text-panel, .alert-list, .nothing-fires, .panel-error';
const TEXTS = ['stat', 'bargauge'];

function valuesIn(data: SceneDataState['data']): number {
  let count = 0;
  for (const frame of data?.series ?? []) {
    for (const field of frame.fields) {
      if (field.type === FieldType.time) continue;
      for (const value of field.values) if (value !== null && value !== undefined && !Number.isNaN(value)) count += 1;
    }
  }
  return count;
}

function reportOf(panel: VizPanel): PanelReport {
  const { key = '', pluginId: type, title, $data, _pluginLoadError: pluginError } = panel.state;
  const element = document.querySelector(`[data-viz-panel-key="${CSS.escape(key)}"]`);
  const data = $data?.state.data;
  const skips = panel.getPlugin()?.meta.skipDataQuery ?? false;
  const transformations = $data instanceof SceneDataTransformer ? $data.state.transformations : [];
  const unknown = transformations.flatMap((one) =>
    'id' in one && typeof one.id === 'string' && !standardTransformersRegistry.getIfExists(one.id) ? [one.id] : [],
  );
  const shown = element?.querySelector('.panel-error, [role=alert]')?.textContent ?? '';
  const problems = [
    pluginError ?? '',
    ...(data?.errors ?? (data?.error ? [data.error] : [])).map(({ message }) => message ?? 'unknown error'),
    ...unknown.map((id) => `the transformation "${id}" is not among Grafana's published ones`),
    shown,
  ].filter((text, index, all) => text !== '' && all.indexOf(text) === index);
  const content = element?.querySelector('[data-testid="data-testid panel content"]');
  const text = TEXTS.includes(type) && !content?.querySelector('[data-nodata]') && content?.textContent !== '';
  const drawn = Boolean(content && (text || content.querySelector(DRAWN)));
  const values = valuesIn(data);
  const base = { key, type, title: sceneGraph.interpolate(panel, title), values, drawn };
  if (!panel.isActive || !element) return { ...base, state: 'hidden', message: '' };
  if (problems.length > 0) return { ...base, state: 'error', message: problems.join('; ') };
  if (skips) return { ...base, state: element.querySelector(DRAWN) ? 'data' : 'loading', message: '' };
  if (
    !panel.getPlugin() ||
    data?.state === undefined ||
    data.state === LoadingState.Loading ||
    data.state === LoadingState.NotStarted
  ) {
    return { ...base, state: 'loading', message: '' };
  }
  const says = element.querySelector('[data-nodata]')?.textContent ?? '';
  const nothing = type !== 'annolist' && (values === 0 || says !== '');
  return nothing ? { ...base, state: 'empty', message: says || 'no values' } : { ...base, state: 'data', message: '' };
}

/** Every panel of the dashboard that is open, and how it fares. */
export function report(scene: EmbeddedScene): PanelReport[] {
  return sceneGraph.findAllObjects(scene, (one) => one instanceof VizPanel).map((one) => reportOf(one as VizPanel));
}

/** Unfolds every row; their panels ask for their data then. */
export function expandRows(scene: EmbeddedScene): void {
  for (const row of sceneGraph.findAllObjects(scene, (one) => one instanceof SceneGridRow)) {
    if (row instanceof SceneGridRow && row.state.isCollapsed) row.onCollapseToggle();
  }
}
