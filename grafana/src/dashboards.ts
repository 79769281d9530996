/** Every dashboard as Grafana provisions it. */

import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { backup } from './backup.ts';
import { health } from './health.ts';
import { home } from './home.ts';
import { onCall } from './on-call.ts';
import { performance } from './performance.ts';
import { security } from './security.ts';
import { services } from './services.ts';
import { slowEvents } from './slow-events.ts';
import { telemetry } from './telemetry.ts';

const dashboards: readonly Builder<Dashboard>[] = [
  home,
  performance,
  health,
  security,
  backup,
  services,
  slowEvents,
  onCall,
  telemetry,
];

/** Path from the repository's root to content. */
export const dashboardFiles: Readonly<Record<string, string>> = Object.fromEntries(
  dashboards.map((builder) => {
    const dashboard = builder.build();
    // Links to a panel are by its id.
    dashboard.panels?.forEach((panel, index) => {
      panel.id = index + 1;
    });
    return [`grafana/dashboards/${dashboard.uid}.json`, `${JSON.stringify(dashboard, null, 2)}\n`];
  }),
);
