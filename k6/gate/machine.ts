import { arch, availableParallelism, cpus, loadavg, platform } from 'node:os';

/** What latencies depend on, and counters do not. */
export const machineClass = (): string =>
  `${platform()} ${arch()}, ${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.versions.node}`;

/** Processes that run or want to, by processor: above 1 they wait for one another. */
export const busyness = (): number => loadavg()[0]! / availableParallelism();
