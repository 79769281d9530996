import { usePageLoad, usePerformanceTracking } from '@clinic/instrumentation/react';
import { type FormEvent, useEffect, useRef, useState } from 'react';
import { Navigate } from 'react-router';
import { ApiError, signIn } from './api.ts';
import { reasonOf } from './notices.tsx';
import { openSession, useSession } from './session.ts';

const WHY: Readonly<Record<string, string>> = {
  credentials_wrong: 'The e-mail address or the password is wrong.',
  sign_in_throttled: 'Too many failed attempts. Wait some minutes, then try again.',
  request_invalid: 'Enter an e-mail address and a password.',
};

export function SignInPage() {
  const session = useSession();
  const { trackAction } = usePerformanceTracking('SignInPage');
  const [problem, setProblem] = useState('');
  const [busy, setBusy] = useState(false);
  const password = useRef<HTMLInputElement>(null);
  usePageLoad('/sign-in', true);
  useEffect(() => {
    document.title = 'Sign in · Clinic';
  }, []);
  if (session) return <Navigate to="/clients" replace />;

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    setProblem('');
    try {
      const answer = await trackAction('sign_in', () =>
        signIn(String(form.get('email')), String(form.get('password'))),
      );
      openSession({ token: answer.access_token, expires: Date.now() + answer.expires_in * 1000, user: answer.user });
    } catch (error) {
      setProblem(error instanceof ApiError ? (WHY[error.code] ?? reasonOf(error)) : 'Something went wrong. Try again.');
      setBusy(false);
      password.current?.select();
    }
  }

  return (
    <main className="page narrow">
      <form className="card" onSubmit={submit} aria-labelledby="sign-in">
        <h1 id="sign-in">Sign in</h1>
        <p className="muted">Use the account of your practice.</p>
        {problem && (
          <p className="notice bad" role="alert" id="problem">
            {problem}
          </p>
        )}
        <label htmlFor="email">E-mail</label>
        <input
          id="email"
          name="email"
          type="email"
          autoComplete="username"
          required
          maxLength={254}
          aria-describedby={problem ? 'problem' : undefined}
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
          aria-describedby={problem ? 'problem' : undefined}
        />
        <button type="submit" className="primary wide" disabled={busy}>
          {busy ? 'Signing in…' : 'Sign in'}
        </button>
      </form>
    </main>
  );
}
