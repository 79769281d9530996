/** One line of JSON; never holds what a person typed or is called. */
export function log(
  level: 'info' | 'warn' | 'error',
  event: string,
  fields: Readonly<Record<string, string | number>> = {},
): void {
  console.log(JSON.stringify({ time: new Date().toISOString(), level, service: 'sentinel', event, ...fields }));
}

export type Log = typeof log;
