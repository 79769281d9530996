import {
  type DataFrame,
  dateTimeFormat,
  type Field,
  FieldType,
  formattedValueToString,
  getValueFormat,
  type PanelProps,
} from '@grafana/data';
import { useTheme2 } from '@grafana/ui';
import {
  interpolateBlues,
  interpolateGreens,
  interpolateOranges,
  interpolateReds,
  interpolateTurbo,
  interpolateViridis,
  interpolateYlOrRd,
} from 'd3-scale-chromatic';
import { useEffect, useMemo, useRef, useState } from 'react';
import { HoverTooltip } from './hover-tooltip.tsx';
import { NoData } from './no-data.tsx';
import { timeTicks } from './time-axis.ts';

export interface HeatmapOptions {
  readonly color?: {
    readonly mode?: 'scheme' | 'opacity';
    readonly scheme?: string;
    readonly fill?: string;
    readonly steps?: number;
    readonly reverse?: boolean;
    readonly max?: number;
  };
  readonly cellGap?: number;
  readonly filterValues?: { readonly le?: number };
  readonly legend?: { readonly show?: boolean };
  readonly yAxis?: { readonly unit?: string; readonly decimals?: number };
}

const SCHEMES: Readonly<Record<string, (share: number) => string>> = {
  Blues: interpolateBlues,
  Greens: interpolateGreens,
  Oranges: interpolateOranges,
  Reds: interpolateReds,
  Turbo: interpolateTurbo,
  Viridis: interpolateViridis,
  YlOrRd: interpolateYlOrRd,
};

interface Cells {
  readonly times: readonly number[];
  readonly buckets: readonly Field[];
  readonly max: number;
  readonly stepMs: number;
}

function cellsOf(frame: DataFrame | undefined, max: number | undefined): Cells | undefined {
  const time = frame?.fields.find(({ type }) => type === FieldType.time);
  const buckets = frame?.fields.filter(({ type }) => type === FieldType.number) ?? [];
  if (!time || time.values.length === 0 || buckets.length === 0) return undefined;
  const times: number[] = time.values;
  const most = buckets.flatMap(({ values }) => values).reduce((a: number, b: number | null) => Math.max(a, b ?? 0), 0);
  return { times, buckets, max: max ?? most, stepMs: times.length > 1 ? times[1]! - times[0]! : 60_000 };
}

const LEFT = 60;
const BOTTOM = 22;
const LEGEND_HEIGHT = 30;
const TOP = 4;

/** Buckets of a histogram over time (`format: heatmap`), drawn after Grafana's options: its own panel is not published. */
export function Heatmap({
  data,
  options,
  width,
  height,
  timeRange,
  timeZone,
  fieldConfig,
}: PanelProps<HeatmapOptions>) {
  const theme = useTheme2();
  const canvas = useRef<HTMLCanvasElement>(null);
  const [hover, setHover] = useState<{ x: number; y: number; row: number; column: number }>();
  const cells = useMemo(() => cellsOf(data.series[0], options.color?.max), [data.series, options.color?.max]);
  const [from, to] = [timeRange.from.valueOf(), timeRange.to.valueOf()];
  const h = height - (options.legend?.show ? LEGEND_HEIGHT : 0);
  const [plotWidth, plotHeight] = [width - LEFT - 6, h - BOTTOM - TOP];
  const x = (at: number) => LEFT + (plotWidth * (at - from)) / (to - from);
  const format = getValueFormat(options.yAxis?.unit ?? 'short');
  const bound = (field: Field) => {
    const number = Number(field.name);
    return Number.isFinite(number) ? formattedValueToString(format(number, options.yAxis?.decimals)) : field.name;
  };

  const { mode, scheme = 'Oranges', fill = 'dark-orange', steps = 64, reverse = false } = options.color ?? {};
  const color = (value: number) => {
    const share = Math.round(Math.min(1, value / (cells?.max || 1)) * steps) / steps;
    if (mode === 'opacity') return theme.visualization.getColorByName(fill);
    return (SCHEMES[scheme] ?? interpolateOranges)(theme.isDark !== reverse ? 1 - share : share);
  };

  useEffect(() => {
    const context = canvas.current?.getContext('2d');
    if (!canvas.current || !context || !cells) return;
    const ratio = devicePixelRatio;
    canvas.current.width = width * ratio;
    canvas.current.height = h * ratio;
    context.scale(ratio, ratio);
    const rowHeight = plotHeight / cells.buckets.length;
    const gap = options.cellGap ?? 1;
    const column = (plotWidth * cells.stepMs) / (to - from);
    // Between narrow cells a gap would be all that one sees.
    const cellWidth = column > 4 ? column - gap : column + 0.5;
    context.save();
    context.beginPath();
    context.rect(LEFT, 0, plotWidth, plotHeight + TOP);
    context.clip();
    cells.buckets.forEach(({ values }, row) => {
      values.forEach((value: number | null, column: number) => {
        if (value === null || value <= (options.filterValues?.le ?? 1e-9)) return;
        context.fillStyle = color(value);
        if (mode === 'opacity') context.globalAlpha = Math.min(1, value / (cells.max || 1));
        const left = x(cells.times[column]! - cells.stepMs);
        context.fillRect(left, TOP + plotHeight - (row + 1) * rowHeight, cellWidth, rowHeight - gap);
      });
    });
    context.restore();
    context.fillStyle = theme.colors.text.primary;
    context.font = `12px ${theme.typography.fontFamily}`;
    context.textAlign = 'right';
    const skip = Math.ceil(16 / rowHeight);
    cells.buckets.forEach((bucket, row) => {
      if (row % skip === 0) context.fillText(bound(bucket), LEFT - 6, TOP + plotHeight - (row + 1) * rowHeight + 9);
    });
    context.textAlign = 'center';
    const axis = timeTicks(from, to, plotWidth);
    for (const at of axis.ticks) context.fillText(dateTimeFormat(at, { timeZone, format: axis.format }), x(at), h - 6);
  });

  if (!cells) return <NoData fieldConfig={fieldConfig} />;
  const onMove = (event: React.MouseEvent) => {
    const box = event.currentTarget.getBoundingClientRect();
    const row = Math.floor((TOP + plotHeight - (event.clientY - box.top)) / (plotHeight / cells.buckets.length));
    const column = cells.times.findIndex((at) => x(at) >= event.clientX - box.left);
    const inside = row >= 0 && row < cells.buckets.length && column >= 0;
    setHover(inside ? { x: event.clientX, y: event.clientY, row, column } : undefined);
  };
  const scale = Array.from({ length: 12 }, (_, index) => color((cells.max * index) / 11));
  const short = getValueFormat('short');
  return (
    <div>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: only a hint follows the pointer */}
      <canvas ref={canvas} style={{ width, height: h }} onMouseMove={onMove} onMouseLeave={() => setHover(undefined)} />
      {options.legend?.show && (
        <div className="heatmap-legend">
          <span>0</span>
          <div style={{ background: `linear-gradient(90deg, ${scale.join(', ')})` }} />
          <span>{formattedValueToString(short(cells.max))}</span>
        </div>
      )}
      {hover && (
        <HoverTooltip
          x={hover.x}
          y={hover.y}
          title={dateTimeFormat(cells.times[hover.column]!, { timeZone })}
          items={[
            {
              label: `up to ${bound(cells.buckets[hover.row]!)}`,
              value: formattedValueToString(short(cells.buckets[hover.row]!.values[hover.column] ?? 0)),
            },
          ]}
        />
      )}
    </div>
  );
}
