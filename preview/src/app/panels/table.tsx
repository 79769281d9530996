import { cacheFieldDisplayNames, type PanelProps } from '@grafana/data';
import type { TableCellHeight, TableSortByFieldState } from '@grafana/schema';
import { TableNG } from '@grafana/ui/unstable';
import { NoData } from './no-data.tsx';

export interface TableOptions {
  readonly showHeader: boolean;
  readonly cellHeight?: TableCellHeight;
  readonly frameIndex?: number;
  readonly sortBy?: TableSortByFieldState[];
  readonly enablePagination?: boolean;
}

export function TablePanel({ data, options, width, height, timeRange, fieldConfig }: PanelProps<TableOptions>) {
  // Else a renamed column shows its raw name.
  cacheFieldDisplayNames(data.series);
  const frame = data.series[Math.min(options.frameIndex ?? 0, data.series.length - 1)];
  if (!frame || frame.fields.length === 0 || frame.length === 0) return <NoData fieldConfig={fieldConfig} />;
  return (
    <TableNG
      data={frame}
      width={width}
      height={height}
      noHeader={!options.showHeader}
      {...(options.cellHeight && { cellHeight: options.cellHeight })}
      {...(options.sortBy && { sortBy: options.sortBy })}
      enablePagination={options.enablePagination ?? false}
      timeRange={timeRange}
      structureRev={data.structureRev ?? 0}
      fieldConfig={fieldConfig}
    />
  );
}
