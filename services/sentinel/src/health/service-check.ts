import type { SERVICES } from '@clinic/catalogue/vocabulary';
import { httpGet } from '../http-get.ts';
import type { Probe } from './check.ts';

/** What a well service says, besides 200. */
const OWN = /^ok\n?$/;
const SAYS: Readonly<Partial<Record<(typeof SERVICES)[number], RegExp>>> = {
  prometheus: /Prometheus Server is Ready/,
  alertmanager: /^OK/,
  tempo: /^ready/,
  collector: /"status":\s*"Server available"/,
};

/** Asks a service's own health address; an answer that is not what it says when it is well is down, whatever its status. */
export function serviceProbe({ name, url }: { readonly name: string; readonly url: string }): Probe {
  const expected = SAYS[name as keyof typeof SAYS] ?? OWN;
  return async (signal) => {
    const { status, body } = await httpGet(url, signal);
    if (status !== 200) return { state: 'down', message: `It answers ${status}.` };
    if (!expected.test(body))
      return { state: 'down', message: 'It answers 200, but not what it says when it is well.' };
    return { state: 'healthy', message: 'It answers.' };
  };
}
