import { usePageLoad, usePerformanceTracking } from '@clinic/instrumentation/react';
import { useEffect, useState } from 'react';
import { useNavigate } from 'react-router';
import { readAccount, signOut } from './account.ts';
import { dateOf, timeOf } from './dates.ts';
import { Fact } from './fact.tsx';
import { useLoad } from './load.ts';
import { Failure, Loading } from './notices.tsx';
import { Page } from './page.tsx';
import { SecondFactor } from './second-factor.tsx';
import { openSession, useSession } from './session.ts';
import { ROLES } from './users.ts';

export function AccountPage() {
  usePerformanceTracking('AccountPage');
  const session = useSession();
  const navigate = useNavigate();
  const [isNew, setNew] = useState(false);
  const { value, error, isSettled, again } = useLoad(readAccount);
  usePageLoad('/account', isSettled);
  const mustEnrol = session?.scope === 'enrolment';

  // Somebody who loaded the page again before the recovery codes were confirmed has a full session all the same.
  const isFull = value?.scope === 'full';
  useEffect(() => {
    if (session && mustEnrol && isFull) openSession({ ...session, scope: 'full' });
  }, [session, mustEnrol, isFull]);

  function enrolled() {
    if (!session) return;
    setNew(true);
    if (mustEnrol) {
      openSession({ ...session, scope: 'full' });
      navigate('/', { replace: true });
    } else again();
  }

  return (
    <Page title="Account" heading={mustEnrol ? 'One more step' : 'Account'} narrow>
      {mustEnrol && (
        <p className="lead">
          An administrator signs in with a second factor. Set yours up now; everything else comes after.
        </p>
      )}
      {error && <Failure what="Your account could not be loaded." error={error} again={again} />}
      {!isSettled && <Loading what="your account" lines={4} />}
      {value && (
        <>
          {!mustEnrol && (
            <section className="card spaced" aria-labelledby="you">
              <h2 id="you">You</h2>
              <dl className="facts">
                <Fact name="Name">{value.user.name}</Fact>
                <Fact name="Role">{ROLES[value.user.role]}</Fact>
                <Fact name="This session ends">
                  {dateOf(value.expires_at)}, {timeOf(value.expires_at)}
                </Fact>
              </dl>
              <button type="button" className="after" onClick={signOut}>
                Sign out now
              </button>
            </section>
          )}
          <section className="card" aria-labelledby="factor">
            <h2 id="factor">Second factor</h2>
            {value.second_factor ? (
              <>
                <p className="after" role="status">
                  <span className="badge good">on</span> Signing in takes your password and a code of your authenticator
                  app.
                </p>
                <p className="hint">
                  {isNew ? 'From now on have your phone at hand.' : 'A new phone? An administrator can reset it.'}
                </p>
              </>
            ) : (
              <>
                <p className="muted after">
                  A password that somebody else knows does not open your account, if a code of your phone is needed as
                  well.
                </p>
                <SecondFactor done={enrolled} />
              </>
            )}
          </section>
        </>
      )}
    </Page>
  );
}
