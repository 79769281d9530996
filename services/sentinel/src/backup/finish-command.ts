/** `npm run ops:restore-finish`: tells sentinel that the database was restored to an earlier time. docs/recovery.md says when. */
import { read, UsageError } from '../../../../stack/commands.mjs';
import type { ChainState } from '../audit/chain-watch.ts';
import { askSentinel } from './ask-sentinel.ts';

const NO_TIME = '--at needs a time with its zone, for example 2026-01-31T12:00:00Z';
try {
  const { values } = read('ops:restore-finish', process.argv.slice(2));
  if (values.at !== undefined && !/T.*(Z|[+-]\d\d:\d\d)$/.test(values.at))
    throw new UsageError('ops:restore-finish', NO_TIME);
  const answer = await askSentinel(
    values.at === undefined ? '/restored' : `/restored?at=${encodeURIComponent(values.at)}`,
    values['port-offset'] ?? '0',
  );
  if (answer.status === 400) throw new Error(NO_TIME);
  if (!answer.ok)
    throw new Error('This could not be finished. Does the database run? It does no harm to type the command again.');
  const { breaks, length } = (await answer.json()) as Pick<ChainState, 'breaks' | 'length'>;
  if (breaks.length > 0)
    throw new Error(
      `The restore is recorded, but the audit log is not what was signed before it:
${breaks.map(({ kind, seq }) => `  ${kind} from row ${seq} on`).join('\n')}
If the clinic has written since the restore, type the command again with the time to which you restored:
  npm run ops:restore-finish -- --at 2026-01-31T12:00:00Z
If it says the same then, what was restored had been tampered with: runbooks/AuditChainBroken.md.`,
    );
  console.log(
    `The restore is recorded. The audit log, ${length} rows, is in order, and the alerts about it end within minutes.
Next, take a base backup: npm run ops:restore-drill -- --backup`,
  );
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
