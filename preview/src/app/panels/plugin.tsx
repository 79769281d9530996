import {
  type Field,
  FieldColorModeId,
  type FieldConfigEditorBuilder,
  FieldConfigProperty,
  FieldType,
  identityOverrideProcessor,
  LoadingState,
  PanelPlugin,
  type PanelProps,
} from '@grafana/data';
import type { ComponentType } from 'react';
import { NO_EDITOR } from '../grafana.ts';

/** Default values by path. */
type Defaults = Readonly<Record<string, unknown>>;

export interface PluginParts {
  /** Of the panel's options. */
  readonly options?: Defaults;
  /** Of each field's options in `custom`; every path that an override may set is named here. */
  readonly custom?: Defaults;
  readonly color?: FieldColorModeId;
  /** It asks for its data itself or needs none. */
  readonly skipDataQuery?: true;
  /** It draws exemplars or events. */
  readonly overlays?: true;
}

/** A panel plugin as Grafana's own are, without editors: Grafana publishes the parts of its panels and not the panels. */
export function panelPlugin<Options extends object>(
  component: ComponentType<PanelProps<Options>>,
  { options = {}, custom = {}, color = FieldColorModeId.Thresholds, skipDataQuery, overlays }: PluginParts = {},
): PanelPlugin {
  const Component = component;
  const orFailure = (props: PanelProps<Options>) => {
    const { state, series, errors, error } = props.data;
    if (state !== LoadingState.Error || series.length > 0) return <Component {...props} />;
    const messages = new Set(
      (errors ?? [error]).map((one) => one?.message ?? 'The query failed for a reason that nobody gave.'),
    );
    return (
      <div className="panel-error" role="alert">
        {[...messages].join(' ')}
      </div>
    );
  };
  const plugin = new PanelPlugin<Options, object>(orFailure)
    .setPanelOptions((builder) => {
      for (const [path, defaultValue] of Object.entries(options)) {
        builder.addCustomEditor({ id: path, path, name: path, defaultValue, editor: NO_EDITOR } as never);
      }
    })
    .useFieldConfig({
      useCustomConfig: (builder: FieldConfigEditorBuilder<object>) => {
        for (const [path, defaultValue] of Object.entries(custom)) {
          const editor = { editor: NO_EDITOR, override: NO_EDITOR, process: identityOverrideProcessor };
          const shouldApply = (field: Field) => field.type !== FieldType.time;
          builder.addCustomEditor({ id: path, path, name: path, defaultValue, shouldApply, ...editor } as never);
        }
      },
      standardOptions: { [FieldConfigProperty.Color]: { defaultValue: { mode: color } } },
    });
  if (overlays) plugin.setDataSupport({ annotations: true, alertStates: false });
  if (skipDataQuery) plugin.meta = { ...plugin.meta, skipDataQuery };
  return plugin as unknown as PanelPlugin;
}

export const HIDE_FROM = { hideFrom: { viz: false, legend: false, tooltip: false } };
export const LEGEND = { showLegend: true, displayMode: 'list', placement: 'bottom', calcs: [] };
export const REDUCE = { values: false, calcs: ['lastNotNull'], fields: '' };
