/** How the clinic's web server answers, seen from outside. */
import { isIPv4 } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { API_ROUTES } from '@clinic/catalogue/routes';
import { type Checked, checked, type Finding, together } from './configuration-rules.ts';

const TIMEOUT_MS = 5000;
const get = (url: string) => fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(TIMEOUT_MS) });

/** What each answer must carry, as a pattern of its value. */
const HEADERS: Readonly<Record<string, RegExp>> = {
  'content-security-policy': /default-src '(?:self|none)'(?!.*'unsafe-(?:inline|eval)')(?=.*frame-ancestors 'none')/,
  'x-content-type-options': /^nosniff$/,
  'referrer-policy': /^(?:no-referrer|same-origin|strict-origin)$/,
  'cross-origin-opener-policy': /^same-origin$/,
};
const REVEALING = ['x-powered-by', 'server', 'x-aspnet-version'];

/** Of headers of one answer, `where` it came from. */
export function headerFindings(where: string, headers: Headers, secure: boolean): Finding[] {
  const wanted = secure ? { ...HEADERS, 'strict-transport-security': /max-age=(?:[1-9]\d{7,})/ } : HEADERS;
  const findings: Finding[] = Object.entries(wanted)
    .filter(([name, pattern]) => !pattern.test(headers.get(name) ?? ''))
    .map(([name]) => ({ rule: 'header_missing', subject: `${name} on ${where}` }));
  for (const name of REVEALING) {
    // A proxy may say which it is; a version is what tells too much.
    if (name === 'server' ? /\d/.test(headers.get(name) ?? '') : headers.has(name))
      findings.push({ rule: 'header_reveals', subject: `${name} on ${where}` });
  }
  return [...findings, ...cookieFindings(where, headers, secure)];
}

function cookieFindings(where: string, headers: Headers, secure: boolean): Finding[] {
  return headers
    .getSetCookie()
    .filter((cookie) => {
      const attributes = cookie.toLowerCase();
      const kept = attributes.includes('; httponly') && /; samesite=(?:strict|lax)/.test(attributes);
      return !kept || (secure && !attributes.includes('; secure'));
    })
    .map((cookie) => ({ rule: 'cookie_weak', subject: `${/^[^=]{0,40}/.exec(cookie)![0]} on ${where}` }));
}

/** This machine, or a service of the same private network: only those have names without a dot. */
export const isNear = (host: string): boolean =>
  host === '[::1]' || (isIPv4(host) ? host.startsWith('127.') : !host.includes('.') && !host.startsWith('['));

export interface WebTarget {
  readonly url: string;
}

export async function webChecks({ url }: WebTarget): Promise<Checked> {
  const { protocol, hostname, port } = new URL(url);
  const secure = protocol === 'https:';
  return together(
    await Promise.all([
      checked('headers', async () => {
        const [page, missing, api] = await Promise.all([
          get(url),
          get(`${url}/no-such-page`),
          get(`${url}/api/clients`),
        ]);
        const uncached = api.headers.get('cache-control')?.includes('no-store') ?? false;
        return [
          ...headerFindings('/', page.headers, secure),
          ...headerFindings('a page that does not exist', missing.headers, secure),
          ...headerFindings('/api/clients', api.headers, secure),
          ...(uncached ? [] : [{ rule: 'answer_cacheable' as const, subject: '/api/clients' }]),
        ];
      }),
      checked('routes without sign-in', async () => {
        const open = await Promise.all(
          API_ROUTES.filter((route) => route !== '/auth' && !route.startsWith('/api/health/')).map(async (route) => {
            const { status } = await get(`${url}${route.replace(':id', '00000000-0000-0000-0000-000000000000')}`);
            return status < 300 ? [{ rule: 'open_to_all' as const, subject: route }] : [];
          }),
        );
        const management = await Promise.all(
          ['/metrics', '/healthz', '/debug/pprof/'].map(async (path) => {
            const answer = await get(`${url}${path}`);
            const text = answer.ok ? await answer.text() : '';
            // A web app answers its own page to every path that it does not know.
            return text !== '' && !text.includes('<html')
              ? [{ rule: 'management_public' as const, subject: path }]
              : [];
          }),
        );
        return [...open.flat(), ...management.flat()];
      }),
      checked('TLS', async () => {
        if (!secure) return isNear(hostname) ? [] : [{ rule: 'transport_plain', subject: hostname }];
        return tlsFindings(hostname, Number(port || 443));
      }),
    ]),
  );
}

const CERTIFICATE_DAYS = 14;

async function tlsFindings(host: string, port: number): Promise<Finding[]> {
  const { authorized, until } = await handshake(host, port, {}, (socket) => ({
    authorized: socket.authorized,
    until: Date.parse(socket.getPeerCertificate().valid_to),
  }));
  const old = await handshake(
    host,
    port,
    { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' },
    () => true,
  ).catch(() => false);
  return [
    ...(authorized && until - Date.now() > CERTIFICATE_DAYS * 86_400_000
      ? []
      : [{ rule: 'transport_certificate' as const, subject: host }]),
    ...(old ? [{ rule: 'transport_old' as const, subject: host }] : []),
  ];
}

function handshake<Result>(
  host: string,
  port: number,
  options: object,
  read: (socket: TLSSocket) => Result,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    // A certificate that is not trusted is a finding, not a reason not to look.
    const socket = connect(
      { host, port, servername: host, rejectUnauthorized: false, timeout: TIMEOUT_MS, ...options },
      () => {
        resolve(read(socket));
        socket.destroy();
      },
    );
    socket.once('error', reject);
    socket.once('timeout', () => socket.destroy(new Error('no answer')));
  });
}
