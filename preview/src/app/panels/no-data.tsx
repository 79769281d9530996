import type { ReactNode } from 'react';

/** Says that a panel has nothing to show. The report of a dashboard's panels looks for `data-nodata`. */
export function NoData({ children = 'No data' }: { children?: ReactNode }) {
  return (
    <div className="no-data" data-nodata>
      {children}
    </div>
  );
}
