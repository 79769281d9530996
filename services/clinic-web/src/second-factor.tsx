import { type FormEvent, useEffect, useRef, useState } from 'react';
import { beginEnrolment, confirmEnrolment, type Enrolment } from './account.ts';
import { useAttempt } from './attempt.ts';
import { Problem } from './notices.tsx';
import { QrCode } from './qr-code.tsx';

const WHY: Readonly<Record<string, string>> = {
  second_factor_code_wrong:
    'That code is not right. Look at the clock of your phone, wait for the next code, then try again.',
  request_invalid: 'The code has six digits.',
};

interface SecondFactorProps {
  /** Called when the recovery codes have been kept. */
  done(): void;
}

/** Sets up a second factor in three steps: begin, prove, keep the recovery codes. */
export function SecondFactor({ done }: SecondFactorProps) {
  const { busy, problem, run } = useAttempt(WHY);
  const [enrolment, setEnrolment] = useState<Enrolment>();
  const [codes, setCodes] = useState<readonly string[]>();
  if (codes) return <RecoveryCodes codes={codes} done={done} />;
  if (enrolment) return <Proof enrolment={enrolment} proven={setCodes} />;
  return (
    <>
      {problem && <Problem>{problem}</Problem>}
      <button
        type="button"
        className="primary after"
        disabled={busy}
        onClick={() => run(async () => setEnrolment(await beginEnrolment()))}
      >
        Set up a second factor
      </button>
    </>
  );
}

interface ProofProps {
  readonly enrolment: Enrolment;
  /** With the recovery codes. */
  proven(codes: readonly string[]): void;
}

function Proof({ enrolment: { secret, qr_svg }, proven }: ProofProps) {
  const { busy, problem, run } = useAttempt(WHY);
  const code = useRef<HTMLInputElement>(null);
  useEffect(() => code.current?.focus(), []);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const typed = String(new FormData(event.currentTarget).get('code')).replace(/\s/g, '');
    let codes: readonly string[] = [];
    const right = await run(async () => {
      codes = (await confirmEnrolment(typed)).recovery_codes;
    });
    if (right) proven(codes);
    else code.current?.select();
  }

  return (
    <form onSubmit={submit} aria-label="Set up a second factor">
      <ol className="steps">
        <li>
          <p>Scan this with an authenticator app on your phone.</p>
          <QrCode svg={qr_svg} label="QR code for your authenticator app" />
          <details>
            <summary>It cannot be scanned?</summary>
            <p>
              Type this key into the app: <code className="secret">{secret.replace(/(.{4})(?=.)/g, '$1 ')}</code>
            </p>
          </details>
        </li>
        <li>
          <label htmlFor="proof">Enter the six digits that the app shows</label>
          <input
            ref={code}
            className="code"
            id="proof"
            name="code"
            inputMode="numeric"
            autoComplete="one-time-code"
            required
            maxLength={10}
          />
        </li>
      </ol>
      {problem && <Problem>{problem}</Problem>}
      <button type="submit" className="primary" disabled={busy}>
        {busy ? 'Checking…' : 'Confirm'}
      </button>
    </form>
  );
}

function RecoveryCodes({ codes, done }: { readonly codes: readonly string[]; done(): void }) {
  const heading = useRef<HTMLHeadingElement>(null);
  const [copied, setCopied] = useState('');
  useEffect(() => heading.current?.focus(), []);
  const copy = () =>
    navigator.clipboard.writeText(codes.join('\n')).then(
      () => setCopied('Copied.'),
      () => setCopied('The browser did not allow it. Write them down.'),
    );
  return (
    <>
      <h3 ref={heading} tabIndex={-1}>
        Recovery codes
      </h3>
      <p>
        Your second factor is on. If you lose your phone, each of these codes signs you in once. They are shown only
        now: keep them where others cannot find them.
      </p>
      <ul className="recovery">
        {codes.map((code) => (
          <li key={code}>
            <code>{code}</code>
          </li>
        ))}
      </ul>
      <div className="buttons">
        <button type="button" className="primary" onClick={done}>
          I have kept them
        </button>
        <button type="button" onClick={copy}>
          Copy
        </button>
        <span role="status" className="muted">
          {copied}
        </span>
      </div>
    </>
  );
}
