import type { FieldConfigSource } from '@grafana/data';

/** Says that a panel has nothing to show, in its own words where it has some. The report of a dashboard's panels looks for `data-nodata`. */
export function NoData({ fieldConfig }: { fieldConfig: FieldConfigSource }) {
  return (
    <div className="no-data" data-nodata>
      {fieldConfig.defaults.noValue ?? 'No data'}
    </div>
  );
}
