/** What a line may hold: listed words, templates and numbers; never what a person typed or what a database said. */
export type Facts = Readonly<Record<string, string | number>>;
export type Log = (level: 'info' | 'warn' | 'error', event: string, facts?: Facts) => void;

/** One line of JSON per event on standard output. */
export const log: Log = (level, event, facts = {}) => {
  process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), level, event, ...facts })}\n`);
};
