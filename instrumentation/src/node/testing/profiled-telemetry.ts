// Loaded by `node --import` before profiled-app.ts. Environment: COLLECTOR, PROFILE.
import { startTelemetry } from '../telemetry.ts';

export const telemetry = await startTelemetry({
  service: 'clinic-api',
  version: '0.1.0',
  profile: process.env.PROFILE as 'lean' | 'full',
  collector: process.env.COLLECTOR!,
  managementListen: { host: '127.0.0.1', port: 0 },
  routes: { pages: [], api: ['/api/clients/:id'] },
  metrics: ['api_call'],
  hosts: ['127.0.0.1'],
  sampleRatio: 1,
});
