import { useLayoutEffect, useRef, useState } from 'react';
import { afterPaint } from '../browser/paint.ts';
import { performanceMonitor } from '../browser/performance-monitor.ts';

export interface PerformanceTracking {
  /**
   * Runs `action` and records how long it took, for a promise until it settles, whether it succeeds or fails. The metric is
   * `name` when the catalogue lists it, else `other`. Returns or throws what `action` does.
   */
  trackAction<Result>(name: string, action: () => Result): Result;
}

const tracking: PerformanceTracking = {
  trackAction(name, action) {
    const stop = performanceMonitor.startTiming(name);
    let pending = false;
    try {
      const result = action();
      if (!(result instanceof Promise)) return result;
      pending = true;
      return result.finally(stop) as typeof result;
    } finally {
      if (!pending) stop();
    }
  },
};

/**
 * Records `render` once per mounted component: from the start of its first render until that is painted. The component's name
 * stays in the browser, where it names the measure in the developer tools' performance panel.
 */
export function usePerformanceTracking(component: string): PerformanceTracking {
  const [start] = useState(() => performance.now());
  const recorded = useRef(false);
  useLayoutEffect(() => {
    if (recorded.current) return;
    return afterPaint(() => {
      recorded.current = true;
      performanceMonitor.recordMetric('render', performance.now() - start);
      performance.measure(component, { start });
      performance.clearMeasures(component);
    });
  }, [component, start]);
  return tracking;
}
