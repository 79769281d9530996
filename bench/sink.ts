// In the Collector's place: takes OTLP over HTTP and counts.
import { createServer } from 'node:http';

let requests = 0;
let slowEvents = 0;
createServer((request, response) => {
  const json = request.headers['content-type'] === 'application/json';
  let text = '';
  request.on('data', (chunk: Buffer) => {
    if (json && request.url === '/v1/logs') text += chunk.toString();
  });
  request.on('end', () => {
    requests++;
    slowEvents += text.split('"slow_event"').length - 1;
    response.writeHead(200, { 'content-type': request.headers['content-type'] ?? '' }).end(json ? '{}' : undefined);
  });
}).listen(Number(process.env.PORT), '127.0.0.1', () => process.send?.({ started: Date.now() }));
process.on('message', () => process.send?.({ requests, slowEvents }));
process.on('disconnect', () => process.exit(0));
