import { type DataFrame, dateTimeFormat, type Field, FieldType, type PanelProps } from '@grafana/data';
import {
  type GraphFieldConfig,
  GraphTransform,
  type OptionsWithLegend,
  type OptionsWithTooltip,
  SortOrder,
  TooltipDisplayMode,
} from '@grafana/schema';
import {
  getFieldDisplayItems,
  getFieldDisplayLinks,
  TimeSeries,
  TooltipPlugin2,
  usePanelContext,
  VizTooltipContent,
  VizTooltipFooter,
  VizTooltipHeader,
  VizTooltipWrapper,
} from '@grafana/ui';
import { useMemo } from 'react';
import { NoData } from './no-data.tsx';
import { Overlay } from './overlay.tsx';

export type TimeSeriesOptions = OptionsWithLegend & OptionsWithTooltip & { timezone?: string[] };

/** TooltipHoverMode of @grafana/ui, a const enum that is not exported. */
const HOVER_ONE = 0;
const HOVER_ALL = 1;

const isTime = ({ type }: Field) => type === FieldType.time;
const isNumber = ({ type }: Field) => type === FieldType.number;
const negate = (value: unknown) => (typeof value === 'number' ? -value : value);

function prepare(frames: readonly DataFrame[]): DataFrame[] {
  return frames
    .filter(({ fields }) => fields.some(isTime) && fields.some(isNumber))
    .map((frame) => ({
      ...frame,
      fields: frame.fields.map((field) => {
        const custom = field.config.custom as GraphFieldConfig | undefined;
        return custom?.transform === GraphTransform.NegativeY ? { ...field, values: field.values.map(negate) } : field;
      }),
    }));
}

export function TimeSeriesPanel(props: PanelProps<TimeSeriesOptions>) {
  const { data, options, width, height, timeRange, timeZone, onChangeTimeRange } = props;
  const frames = useMemo(() => prepare(data.series), [data.series]);
  const { eventsScope, sync } = usePanelContext();
  if (frames.length === 0) return <NoData fieldConfig={props.fieldConfig} />;
  const mode = options.tooltip?.mode ?? TooltipDisplayMode.Single;
  return (
    <TimeSeries
      frames={frames}
      structureRev={data.structureRev ?? 0}
      timeRange={timeRange}
      timeZone={timeZone}
      width={width}
      height={height}
      legend={options.legend}
      options={options}
    >
      {(config, aligned) => (
        <>
          <Overlay config={config} frames={data.annotations ?? []} timeZone={timeZone} />
          {mode !== TooltipDisplayMode.None && (
            <TooltipPlugin2
              config={config}
              hoverMode={mode === TooltipDisplayMode.Multi ? HOVER_ALL : HOVER_ONE}
              {...(sync && { syncMode: sync() })}
              syncScope={eventsScope}
              clientZoom
              queryZoom={({ from, to }) => onChangeTimeRange({ from, to })}
              getDataLinks={(seriesIdx, dataIdx) => {
                const field = aligned.fields[seriesIdx];
                return field ? getFieldDisplayLinks(field, dataIdx) : [];
              }}
              render={(_plot, dataIdxs, seriesIdx, isPinned, _dismiss, _range, viaSync, dataLinks) => (
                <Tooltip
                  frame={aligned}
                  dataIdxs={dataIdxs}
                  seriesIdx={seriesIdx}
                  mode={viaSync ? TooltipDisplayMode.Multi : mode}
                  sort={options.tooltip?.sort ?? SortOrder.None}
                  timeZone={timeZone}
                  links={isPinned ? dataLinks : []}
                />
              )}
            />
          )}
        </>
      )}
    </TimeSeries>
  );
}

interface TooltipProps {
  readonly frame: DataFrame;
  readonly dataIdxs: (number | null)[];
  readonly seriesIdx: number | null;
  readonly mode: TooltipDisplayMode;
  readonly sort: SortOrder;
  readonly timeZone: string;
  readonly links: ReturnType<typeof getFieldDisplayLinks>;
}

function Tooltip({ frame, dataIdxs, seriesIdx, mode, sort, timeZone, links }: TooltipProps) {
  const time = frame.fields[0];
  const index = dataIdxs.find((one) => one !== null);
  if (!time || index === undefined || index === null) return null;
  const items = getFieldDisplayItems(frame.fields, time, dataIdxs, seriesIdx, mode, sort, isNumber);
  return (
    <VizTooltipWrapper>
      <VizTooltipHeader
        item={{ label: '', value: dateTimeFormat(time.values[index], { timeZone }) }}
        isPinned={false}
      />
      <VizTooltipContent items={items} isPinned={false} scrollable />
      {links.length > 0 && <VizTooltipFooter dataLinks={links} />}
    </VizTooltipWrapper>
  );
}
