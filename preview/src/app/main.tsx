import './boot-data.ts';

// Apart, so that the line above is done before any of Grafana's code begins.
await import('./start.tsx');
