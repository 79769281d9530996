import {
  type DataFrame,
  type DisplayValue,
  dateTimeFormat,
  type Field,
  FieldColorModeId,
  FieldType,
  formattedValueToString,
  type GrafanaTheme2,
  getFieldDisplayName,
  MappingType,
  type PanelProps,
} from '@grafana/data';
import { LegendDisplayMode, type OptionsWithLegend, VisibilityMode } from '@grafana/schema';
import { measureText, useTheme2, VizLayout, VizLegend } from '@grafana/ui';
import { useMemo, useState } from 'react';
import { HoverTooltip } from './hover-tooltip.tsx';
import { NoData } from './no-data.tsx';
import { timeTicks } from './time-axis.ts';

export interface TimelineOptions extends OptionsWithLegend {
  readonly mergeValues?: boolean;
  readonly showValue?: VisibilityMode;
  readonly rowHeight?: number;
  readonly colWidth?: number;
  readonly alignValue?: 'left' | 'center' | 'right';
}

interface Stretch {
  readonly start: number;
  end: number;
  readonly display: DisplayValue;
}

interface Row {
  readonly name: string;
  readonly field: Field;
  readonly stretches: Stretch[];
}

const FONT = 12;
const AXIS_HEIGHT = 22;

const sameLook = (a: DisplayValue, b: DisplayValue) =>
  formattedValueToString(a) === formattedValueToString(b) && a.color === b.color;

/** Neighbours that look the same become one. */
export function changes(
  times: readonly number[],
  displays: readonly (DisplayValue | undefined)[],
  options: {
    readonly end: number;
    readonly merge: boolean;
  },
): Stretch[] {
  const stretches: Stretch[] = [];
  displays.forEach((display, index) => {
    if (!display) return;
    const end = times[index + 1] ?? options.end;
    const last = stretches.at(-1);
    if (options.merge && last && last.end === times[index] && sameLook(last.display, display)) last.end = end;
    else stretches.push({ start: times[index]!, end, display });
  });
  return stretches;
}

function rowsOf(
  frames: readonly DataFrame[],
  options: TimelineOptions,
  mode: 'changes' | 'samples',
  end: number,
): Row[] {
  return frames.flatMap((frame) => {
    const time = frame.fields.find(({ type }) => type === FieldType.time);
    if (!time) return [];
    const times: number[] = time.values;
    const step = times.length > 1 ? times[1]! - times[0]! : 60_000;
    const half = (step * (options.colWidth ?? 0.9)) / 2;
    return frame.fields
      .filter((field) => field !== time && !field.config.custom?.hideFrom?.viz)
      .map((field) => {
        const displays = field.values.map((value) =>
          value === null || value === undefined ? undefined : field.display?.(value),
        );
        const samples = () =>
          displays.flatMap((display, index) =>
            display ? [{ start: times[index]! - half, end: times[index]! + half, display }] : [],
          );
        const merge = options.mergeValues !== false;
        const stretches = mode === 'changes' ? changes(times, displays, { end, merge }) : samples();
        return { name: getFieldDisplayName(field, frame, [...frames]), field, stretches };
      });
  });
}

/** Every colour that may occur, with its word. */
function legendItems({ config, display }: Field, theme: GrafanaTheme2): [label: string, color: string][] {
  const color = (name: string | undefined) => theme.visualization.getColorByName(name ?? 'gray');
  const mapped = (config.mappings ?? []).flatMap((mapping): [string, string][] => {
    if (mapping.type === MappingType.ValueToText) {
      return Object.values(mapping.options).flatMap((result) =>
        result.text ? [[result.text, color(result.color)]] : [],
      );
    }
    const { result } = mapping.options;
    return result.text ? [[result.text, color(result.color)]] : [];
  });
  if (mapped.length > 0 || config.color?.mode !== FieldColorModeId.Thresholds) return mapped;
  const steps = config.thresholds?.steps ?? [];
  const text = (value: number | null) => (display ? formattedValueToString(display(value)) : String(value));
  return steps.map((step, index) => [
    index === 0 ? (steps[1] ? `< ${text(steps[1].value)}` : 'all') : `${text(step.value)}+`,
    color(step.color),
  ]);
}

/** state-timeline (`changes`) and status-history (`samples`), drawn after their options: Grafana keeps its own private. */
export function Timeline({
  data,
  options,
  width,
  height,
  timeRange,
  timeZone,
  mode,
  fieldConfig,
}: PanelProps<TimelineOptions> & { mode: 'changes' | 'samples' }) {
  const theme = useTheme2();
  const [hover, setHover] = useState<{ x: number; y: number; row: Row; stretch: Stretch }>();
  const [from, to] = [timeRange.from.valueOf(), timeRange.to.valueOf()];
  const rows = useMemo(() => rowsOf(data.series, options, mode, to), [data.series, options, mode, to]);
  const first = rows[0];
  if (!first) return <NoData fieldConfig={fieldConfig} />;

  const items = new Map(legendItems(first.field, theme));
  const placement = options.legend?.placement ?? 'bottom';
  const legend = options.legend?.showLegend !== false && items.size > 0 && (
    <VizLayout.Legend placement={placement}>
      <VizLegend
        placement={placement}
        displayMode={LegendDisplayMode.List}
        readonly
        items={[...items].map(([label, color]) => ({ label, color, yAxis: 1 }))}
      />
    </VizLayout.Legend>
  );
  return (
    <VizLayout width={width} height={height} legend={legend || null}>
      {(w: number, h: number) => {
        const longest = Math.max(...rows.map(({ name }) => measureText(name, FONT).width));
        const left = Math.min(w * 0.3, longest + 12);
        const rowHeight = (h - AXIS_HEIGHT) / rows.length;
        const barHeight = rowHeight * (options.rowHeight ?? 0.9);
        const x = (at: number) => left + ((w - left - 4) * (Math.max(from, Math.min(to, at)) - from)) / (to - from);
        const opacity = Number(first.field.config.custom?.fillOpacity ?? 70) / 100;
        const { ticks, format } = timeTicks(from, to, w - left);
        return (
          <>
            <svg
              width={w}
              height={h}
              role="img"
              aria-label={rows.map(({ name }) => name).join(', ')}
              fontFamily={theme.typography.fontFamily}
              fontSize={FONT}
              onMouseLeave={() => setHover(undefined)}
            >
              {ticks.map((at) => (
                <g key={at}>
                  <line x1={x(at)} x2={x(at)} y1={0} y2={h - AXIS_HEIGHT} stroke={theme.colors.border.weak} />
                  <text x={x(at)} y={h - 6} textAnchor="middle" fill={theme.colors.text.primary}>
                    {dateTimeFormat(at, { timeZone, format })}
                  </text>
                </g>
              ))}
              {rows.map((row, index) => {
                const y = index * rowHeight + (rowHeight - barHeight) / 2;
                return (
                  <g key={row.name}>
                    <text x={left - 8} y={y + barHeight / 2 + 4} textAnchor="end" fill={theme.colors.text.primary}>
                      {row.name}
                    </text>
                    {row.stretches.map((stretch) => {
                      const text = formattedValueToString(stretch.display);
                      const start = x(stretch.start);
                      const length = Math.max(1, x(stretch.end) - start);
                      const fits = length > measureText(text, FONT).width + 8;
                      const centered = mode === 'samples' || options.alignValue === 'center';
                      return (
                        // biome-ignore lint/a11y/noStaticElementInteractions: the value is written in the bar as well
                        <g
                          key={stretch.start}
                          onMouseMove={({ clientX, clientY }) => setHover({ x: clientX, y: clientY, row, stretch })}
                        >
                          <rect
                            x={start}
                            y={y}
                            width={length}
                            height={barHeight}
                            fill={stretch.display.color}
                            fillOpacity={opacity}
                          />
                          {options.showValue !== VisibilityMode.Never && fits && (
                            <text
                              x={centered ? start + length / 2 : start + 5}
                              y={y + barHeight / 2 + 4}
                              textAnchor={centered ? 'middle' : 'start'}
                              fill={
                                opacity > 0.5
                                  ? theme.colors.getContrastText(stretch.display.color ?? '#000')
                                  : theme.colors.text.primary
                              }
                            >
                              {text}
                            </text>
                          )}
                        </g>
                      );
                    })}
                  </g>
                );
              })}
            </svg>
            {hover && (
              <HoverTooltip
                x={hover.x}
                y={hover.y}
                title={`${dateTimeFormat(hover.stretch.start, { timeZone })} – ${dateTimeFormat(hover.stretch.end, { timeZone, format: 'HH:mm:ss' })}`}
                items={[
                  {
                    label: hover.row.name,
                    value: formattedValueToString(hover.stretch.display),
                    ...(hover.stretch.display.color && { color: hover.stretch.display.color }),
                  },
                ]}
              />
            )}
          </>
        );
      }}
    </VizLayout>
  );
}
