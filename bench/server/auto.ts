// The published auto-instrumentation with its defaults, loaded as its documentation says for ES modules.
import { register } from 'import-in-the-middle/register-hooks.mjs';

register();
await import('@opentelemetry/auto-instrumentations-node/register');
