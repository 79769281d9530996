import type { RequestHandler } from 'express';
import { Histogram, register } from 'prom-client';

const histogram = new Histogram({
  name: 'http_server_request_duration_seconds',
  help: 'Duration of requests served.',
  labelNames: ['http_request_method', 'http_route', 'http_response_status_code'],
});

export const middleware: RequestHandler = (req, res, next) => {
  const start = performance.now();
  res.once('close', () => {
    histogram.observe(
      {
        http_request_method: req.method,
        http_route: (req.route as { path?: string } | undefined)?.path ?? 'unknown',
        http_response_status_code: res.statusCode,
      },
      (performance.now() - start) / 1000,
    );
  });
  next();
};
export const metrics = () => register.metrics();
