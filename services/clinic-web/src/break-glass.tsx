import { type FormEvent, useState } from 'react';
import { useAttempt } from './attempt.ts';
import { BREAK_GLASS_REASONS, type BreakGlassReason, breakGlass } from './clients.ts';
import { timeOf } from './dates.ts';
import { Dialog } from './dialog.tsx';
import { Problem } from './notices.tsx';

/** For a chart that is not one's own: why it is opened. */
export function BreakGlass({ clientId }: { readonly clientId: string }) {
  const [asks, setAsks] = useState(false);
  const [until, setUntil] = useState('');
  return (
    <>
      <div className={until ? 'notice good top-notice' : 'notice note top-notice'} role="status">
        {until ? (
          <p>Your reason is recorded. It explains why you open this chart until {timeOf(until)}.</p>
        ) : (
          <>
            <p>
              <strong>This does not seem to be a client of yours.</strong> That you opened the chart is recorded and
              will be reviewed. If you have a reason, state it now.
            </p>
            <button type="button" onClick={() => setAsks(true)}>
              State a reason
            </button>
          </>
        )}
      </div>
      {asks && (
        <ReasonDialog
          clientId={clientId}
          closed={() => setAsks(false)}
          stated={(ends) => {
            setAsks(false);
            setUntil(ends);
          }}
        />
      )}
    </>
  );
}

interface ReasonDialogProps {
  readonly clientId: string;
  closed(): void;
  /** With the instant until which the reason counts. */
  stated(ends: string): void;
}

function ReasonDialog({ clientId, closed, stated }: ReasonDialogProps) {
  const { busy, problem, run } = useAttempt();
  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const reason = new FormData(event.currentTarget).get('reason') as BreakGlassReason;
    await run(async () => stated((await breakGlass(clientId, reason)).ends_at));
  }
  return (
    <Dialog title="Why do you open this chart?" closed={closed}>
      <form onSubmit={submit}>
        <p className="muted after">Your name, the time and the reason go into the audit log, for one hour of access.</p>
        <fieldset>
          <legend className="unseen">Reason</legend>
          {Object.entries(BREAK_GLASS_REASONS).map(([reason, label]) => (
            <label key={reason} className="radio">
              <input type="radio" name="reason" value={reason} required />
              {label}
            </label>
          ))}
        </fieldset>
        {problem && <Problem>{problem}</Problem>}
        <button type="submit" className="primary wide" disabled={busy}>
          {busy ? 'Recording…' : 'Record the reason'}
        </button>
      </form>
    </Dialog>
  );
}
