import {
  type DisplayValueAlignmentFactors,
  type FieldDisplay,
  FieldType,
  type GrafanaTheme2,
  getDisplayValueAlignmentFactors,
  getFieldDisplayValues,
  type PanelProps,
  type ReduceDataOptions,
  VizOrientation,
} from '@grafana/data';
import {
  type BarGaugeDisplayMode,
  BarGaugeNamePlacement,
  BarGaugeValueMode,
  type BigValueColorMode,
  BigValueGraphMode,
  type BigValueJustifyMode,
  BigValueTextMode,
  type PercentChangeColorMode,
  type VizTextDisplayOptions,
} from '@grafana/schema';
import { BarGauge, BigValue, DataLinksContextMenu, useTheme2, VizRepeater } from '@grafana/ui';
import type { ReactNode } from 'react';
import { Gauge } from './gauge.tsx';
import { NoData } from './no-data.tsx';
import { REDUCE } from './plugin.tsx';

/** Panels that reduce each series to one value. */
interface ReducedOptions {
  readonly reduceOptions?: Partial<ReduceDataOptions>;
  readonly orientation?: VizOrientation;
  readonly text?: VizTextDisplayOptions;
}

type Reduced = Pick<PanelProps<ReducedOptions>, 'fieldConfig' | 'options' | 'replaceVariables' | 'data' | 'timeZone'>;

export interface StatOptions extends ReducedOptions {
  readonly graphMode: BigValueGraphMode;
  readonly colorMode: BigValueColorMode;
  readonly justifyMode: BigValueJustifyMode;
  readonly textMode: BigValueTextMode;
  readonly wideLayout: boolean;
  readonly showPercentChange?: boolean;
  readonly percentChangeColorMode?: PercentChangeColorMode;
}

export interface BarGaugeOptions extends ReducedOptions {
  readonly displayMode: BarGaugeDisplayMode;
  readonly showUnfilled: boolean;
  readonly minVizWidth: number;
  readonly minVizHeight: number;
  readonly maxVizHeight: number;
  readonly valueMode?: BarGaugeValueMode;
  readonly namePlacement?: BarGaugeNamePlacement;
}

export interface GaugeOptions extends ReducedOptions {
  readonly showThresholdMarkers: boolean;
  readonly showThresholdLabels: boolean;
}

function valuesOf(
  { fieldConfig, options, replaceVariables, data, timeZone }: Reduced,
  { theme, sparkline = false }: { theme: GrafanaTheme2; sparkline?: boolean },
): FieldDisplay[] {
  const reduceOptions = { ...REDUCE, ...options.reduceOptions };
  return getFieldDisplayValues({
    fieldConfig,
    reduceOptions,
    replaceVariables,
    theme,
    data: data.series,
    sparkline,
    timeZone,
  });
}

const hasNumbers = ({ data, fieldConfig }: Reduced) =>
  data.series.some(({ length }) => length > 0) || fieldConfig.defaults.noValue !== undefined;

/** The links of a value, as a menu on a click. */
function Linked({ value, children }: { value: FieldDisplay; children: ReactNode }) {
  if (!value.hasLinks || !value.getLinks) return <>{children}</>;
  return (
    <DataLinksContextMenu links={() => value.getLinks?.() ?? []}>
      {({ openMenu }) => (
        <button type="button" className="linked-value" onClick={(event) => openMenu?.(event as never)}>
          {children}
        </button>
      )}
    </DataLinksContextMenu>
  );
}

export function StatPanel(props: PanelProps<StatOptions>) {
  const theme = useTheme2();
  const { options, data, width, height, renderCounter, timeRange } = props;
  if (!hasNumbers(props)) return <NoData fieldConfig={props.fieldConfig} />;
  const fields = data.series.flatMap(({ fields }) => fields.filter(({ type }) => type === FieldType.number));
  const textMode = (count: number) => {
    if (options.textMode !== BigValueTextMode.Auto) return options.textMode;
    return count > 1 || fields.length > 1 ? BigValueTextMode.ValueAndName : BigValueTextMode.Value;
  };
  return (
    <VizRepeater<FieldDisplay, DisplayValueAlignmentFactors>
      getValues={() => valuesOf(props, { theme, sparkline: options.graphMode !== BigValueGraphMode.None })}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      source={data}
      renderCounter={renderCounter}
      width={width}
      height={height}
      itemSpacing={3}
      orientation={options.orientation ?? VizOrientation.Auto}
      autoGrid
      renderValue={({ value, width, height, count, alignmentFactors }) => {
        if (value.sparkline) value.sparkline.timeRange = timeRange;
        return (
          <Linked value={value}>
            <BigValue
              theme={theme}
              value={options.showPercentChange ? value.display : { ...value.display, percentChange: undefined }}
              width={width}
              height={height}
              count={count}
              {...(value.sparkline && { sparkline: value.sparkline })}
              colorMode={options.colorMode}
              graphMode={options.graphMode}
              justifyMode={options.justifyMode}
              textMode={textMode(count)}
              {...(alignmentFactors && { alignmentFactors })}
              {...(options.text && { text: options.text })}
              {...(options.percentChangeColorMode && { percentChangeColorMode: options.percentChangeColorMode })}
              disableWideLayout={!options.wideLayout}
            />
          </Linked>
        );
      }}
    />
  );
}

export function BarGaugePanel(props: PanelProps<BarGaugeOptions>) {
  const theme = useTheme2();
  const { options, data, width, height, renderCounter } = props;
  if (!hasNumbers(props)) return <NoData fieldConfig={props.fieldConfig} />;
  const wide = width > height ? VizOrientation.Vertical : VizOrientation.Horizontal;
  const asked = options.orientation ?? VizOrientation.Auto;
  return (
    <VizRepeater<FieldDisplay, DisplayValueAlignmentFactors>
      getValues={() => valuesOf(props, { theme })}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      source={data}
      renderCounter={renderCounter}
      width={width}
      height={height}
      itemSpacing={10}
      orientation={asked === VizOrientation.Auto ? wide : asked}
      minVizWidth={options.minVizWidth}
      minVizHeight={options.minVizHeight}
      maxVizHeight={options.maxVizHeight}
      renderValue={({ value, width, height, orientation, count, alignmentFactors }) => {
        const field = { ...value.field, min: value.field.min ?? 0, max: value.field.max ?? 100 };
        const named = count > 1 || value.field.displayName;
        const display = value.view?.getFieldDisplayProcessor(value.colIndex ?? 0);
        return (
          <Linked value={value}>
            <BarGauge
              theme={theme}
              value={named ? value.display : { ...value.display, title: undefined }}
              field={field}
              {...(display && { display })}
              width={width}
              height={height}
              orientation={orientation}
              displayMode={options.displayMode}
              showUnfilled={options.showUnfilled}
              valueDisplayMode={options.valueMode ?? BarGaugeValueMode.Color}
              namePlacement={options.namePlacement ?? BarGaugeNamePlacement.Auto}
              itemSpacing={10}
              lcdCellWidth={12}
              {...(count > 1 && alignmentFactors && { alignmentFactors })}
              {...(options.text && { text: options.text })}
            />
          </Linked>
        );
      }}
    />
  );
}

export function GaugePanel(props: PanelProps<GaugeOptions>) {
  const theme = useTheme2();
  const { options, data, width, height, renderCounter } = props;
  if (!hasNumbers(props)) return <NoData fieldConfig={props.fieldConfig} />;
  return (
    <VizRepeater<FieldDisplay>
      getValues={() => valuesOf(props, { theme })}
      source={data}
      renderCounter={renderCounter}
      width={width}
      height={height}
      orientation={VizOrientation.Auto}
      autoGrid
      renderValue={({ value, width, height, count }) => (
        <Linked value={value}>
          <Gauge
            value={value}
            width={width}
            height={height}
            markers={options.showThresholdMarkers}
            labels={options.showThresholdLabels}
            title={count > 1}
          />
        </Linked>
      )}
    />
  );
}
