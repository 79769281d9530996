import { formattedValueToString, getFieldDisplayValues, type PanelProps, type ReduceDataOptions } from '@grafana/data';
import { LegendDisplayMode, type OptionsWithLegend } from '@grafana/schema';
import { useTheme2, VizLayout, VizLegend } from '@grafana/ui';
import { NoData } from './no-data.tsx';
import { REDUCE } from './plugin.tsx';

export interface PieOptions extends OptionsWithLegend {
  readonly pieType: 'pie' | 'donut';
  readonly reduceOptions?: Partial<ReduceDataOptions>;
}

/** Shares of a whole, drawn after Grafana's options. */
export function PieChart({
  data,
  options,
  fieldConfig,
  replaceVariables,
  timeZone,
  width,
  height,
}: PanelProps<PieOptions>) {
  const theme = useTheme2();
  const reduceOptions = { ...REDUCE, ...options.reduceOptions };
  const values = getFieldDisplayValues({
    fieldConfig,
    reduceOptions,
    replaceVariables,
    theme,
    data: data.series,
    timeZone,
  }).filter(({ display }) => display.numeric > 0);
  const whole = values.reduce((sum, { display }) => sum + display.numeric, 0);
  if (whole === 0) return <NoData fieldConfig={fieldConfig} />;
  const placement = options.legend?.placement ?? 'right';
  const legend = options.legend?.showLegend !== false && (
    <VizLayout.Legend placement={placement}>
      <VizLegend
        placement={placement}
        displayMode={LegendDisplayMode.List}
        readonly
        items={values.map(({ display }) => ({
          label: `${display.title ?? ''}  ${formattedValueToString(display)}`,
          color: display.color ?? '',
          yAxis: 1,
        }))}
      />
    </VizLayout.Legend>
  );
  return (
    <VizLayout width={width} height={height} legend={legend || null}>
      {(w: number, h: number) => {
        const radius = Math.max(4, Math.min(w, h) / 2 - 4);
        const hole = options.pieType === 'donut' ? radius * 0.6 : 0;
        const at = (share: number, r: number) => {
          const angle = 2 * Math.PI * share - Math.PI / 2;
          return `${w / 2 + r * Math.cos(angle)} ${h / 2 + r * Math.sin(angle)}`;
        };
        let from = 0;
        return (
          <svg width={w} height={h} role="img" aria-label={values.map(({ display }) => display.title).join(', ')}>
            {values.map(({ display }) => {
              const begin = from;
              // A full circle has no arc: its two ends would be one point.
              const end = Math.min(begin + display.numeric / whole, begin + 0.9999);
              from = end;
              const large = end - begin > 0.5 ? 1 : 0;
              const outer = `M${at(begin, radius)}A${radius} ${radius} 0 ${large} 1 ${at(end, radius)}`;
              const inner = `L${at(end, hole)}A${hole} ${hole} 0 ${large} 0 ${at(begin, hole)}Z`;
              return (
                <path key={`${display.title} ${begin}`} d={outer + inner} fill={display.color}>
                  <title>{`${display.title ?? ''} ${formattedValueToString(display)}`}</title>
                </path>
              );
            })}
          </svg>
        );
      }}
    </VizLayout>
  );
}
