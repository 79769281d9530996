import { usePageLoad, usePerformanceTracking } from '@clinic/instrumentation/react';
import { type FormEvent, useEffect, useRef, useState } from 'react';
import { Navigate, useLocation } from 'react-router';
import { type Credentials, signIn } from './account.ts';
import { ApiError } from './api.ts';
import { useAttempt } from './attempt.ts';
import { Problem } from './notices.tsx';
import { DashboardPage } from './pages.ts';
import { lastSession, openSession, useSession } from './session.ts';

const WHY: Readonly<Record<string, string>> = {
  credentials_wrong: 'The e-mail address or the password is wrong.',
  sign_in_throttled: 'Too many failed attempts. Wait some minutes, then try again.',
  account_locked: 'Too many failed attempts. Wait some minutes, then try again, or ask an administrator.',
  request_invalid: 'Enter an e-mail address and a password.',
};
const WHY_CODE: Readonly<Record<string, string>> = {
  ...WHY,
  second_factor_wrong: 'That code is not right, or was used already. Wait for the next one, then try again.',
  request_invalid: 'That is no code. It has six digits; a recovery code is longer.',
};

export function SignInPage() {
  const session = useSession();
  const { trackAction } = usePerformanceTracking('SignInPage');
  const [before] = useState(lastSession);
  const [needsCode, setNeedsCode] = useState<Credentials>();
  const wanted = (useLocation().state as { readonly from?: string } | null)?.from ?? '/';
  const goal = useRef('/');
  usePageLoad('/sign-in', true);
  useEffect(() => {
    document.title = 'Sign in · Clinic';
  }, []);
  if (session) return <Navigate to={goal.current} replace />;

  async function open(credentials: Credentials) {
    const answer = await trackAction('sign_in', () => signIn(credentials));
    const { access_token: token, expires_in, scope, user } = answer;
    // Somebody else does not arrive at the chart that was open before.
    const goesOn = before ? before.how === 'expired' && before.userId === user.id : true;
    goal.current = goesOn ? (before?.path ?? wanted) : '/';
    openSession({ token, expires: Date.now() + expires_in * 1000, scope, user });
  }

  return (
    <main className="page narrow">
      {needsCode ? (
        <CodeForm open={(code) => open({ ...needsCode, code })} back={() => setNeedsCode(undefined)} />
      ) : (
        <PasswordForm
          hasEnded={before?.how === 'expired'}
          open={async (credentials) => {
            await open(credentials).catch((error: unknown) => {
              if (!(error instanceof ApiError && error.code === 'second_factor_needed')) throw error;
              setNeedsCode(credentials);
            });
          }}
        />
      )}
    </main>
  );
}

interface PasswordFormProps {
  readonly hasEnded: boolean;
  open(credentials: Credentials): Promise<void>;
}

function PasswordForm({ hasEnded, open }: PasswordFormProps) {
  const { busy, problem, run } = useAttempt(WHY);
  const password = useRef<HTMLInputElement>(null);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const credentials = { email: String(form.get('email')).trim(), password: String(form.get('password')) };
    if (!(await run(() => open(credentials)))) password.current?.select();
  }

  const described = problem ? 'problem' : undefined;
  return (
    <form className="card" onSubmit={submit} onFocus={DashboardPage.prefetch} aria-labelledby="sign-in">
      <h1 id="sign-in">Sign in</h1>
      <p className="muted">
        {hasEnded ? 'Your session has ended. Sign in to go on where you were.' : 'Use the account of your practice.'}
      </p>
      {problem && <Problem id="problem">{problem}</Problem>}
      <label htmlFor="email">E-mail</label>
      <input
        id="email"
        name="email"
        type="email"
        autoComplete="username"
        required
        maxLength={254}
        aria-describedby={described}
      />
      <label htmlFor="password">Password</label>
      <input
        ref={password}
        id="password"
        name="password"
        type="password"
        autoComplete="current-password"
        required
        maxLength={200}
        aria-describedby={described}
      />
      <button type="submit" className="primary wide" disabled={busy}>
        {busy ? 'Signing in…' : 'Sign in'}
      </button>
    </form>
  );
}

interface CodeFormProps {
  open(code: string): Promise<void>;
  back(): void;
}

function CodeForm({ open, back }: CodeFormProps) {
  const { busy, problem, run, say } = useAttempt(WHY_CODE);
  const [recovers, setRecovers] = useState(false);
  const code = useRef<HTMLInputElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the field is another one then
  useEffect(() => code.current?.focus(), [recovers]);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const typed = String(new FormData(event.currentTarget).get('code'));
    const text = recovers ? typed.trim() : typed.replace(/\s/g, '');
    if (!(await run(() => open(text)))) code.current?.select();
  }

  const described = problem ? 'hint problem' : 'hint';
  return (
    <form className="card" onSubmit={submit} aria-labelledby="second-factor">
      <h1 id="second-factor">{recovers ? 'Recovery code' : 'Second factor'}</h1>
      <p className="muted" id="hint">
        {recovers
          ? 'One of the codes that you kept when you set up your second factor. It can be used once.'
          : 'Enter the six digits that your authenticator app shows now.'}
      </p>
      {problem && <Problem id="problem">{problem}</Problem>}
      <label htmlFor="code">{recovers ? 'Recovery code' : 'Code'}</label>
      <input
        key={recovers ? 'recovery' : 'app'}
        ref={code}
        className="code"
        id="code"
        name="code"
        inputMode={recovers ? 'text' : 'numeric'}
        autoComplete={recovers ? 'off' : 'one-time-code'}
        autoCapitalize="off"
        spellCheck={false}
        required
        maxLength={40}
        aria-describedby={described}
      />
      <button type="submit" className="primary wide" disabled={busy}>
        {busy ? 'Signing in…' : 'Sign in'}
      </button>
      <p className="choices">
        <button
          type="button"
          className="link"
          onClick={() => {
            say('');
            setRecovers(!recovers);
          }}
        >
          {recovers ? 'Use the authenticator app' : 'Use a recovery code'}
        </button>
        <button type="button" className="link" onClick={back}>
          Start again
        </button>
      </p>
    </form>
  );
}
