import { request as overHttp } from 'node:http';
import { request as overHttps } from 'node:https';

export interface Answer {
  readonly status: number;
  readonly body: string;
}

const LIMIT_BYTES = 65_536;

/** GETs over a connection of its own; follows no redirect. Rejects when aborted, or when the body is larger than 64 KiB. */
export function httpGet(url: string, signal: AbortSignal): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const send = url.startsWith('https:') ? overHttps : overHttp;
    // Without an agent a probe never rides on a connection that was opened when all was well.
    const request = send(url, { signal, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        body += text;
        if (body.length > LIMIT_BYTES) response.destroy(new Error('The answer is larger than 64 KiB.'));
      });
      response.once('error', reject);
      response.once('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    request.once('error', reject);
    request.end();
  });
}
