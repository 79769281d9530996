import { type ReactNode, useEffect, useState } from 'react';
import { Link, useLocation } from 'react-router';
import { readAccount, signOut } from './account.ts';
import icon from './icon.svg';
import { PageLink } from './page-link.tsx';
import { AccountPage, NAVIGATION, ROLES_OF } from './pages.ts';
import { type Session, sessionUnusedFor, useSession } from './session.ts';

/** So long after the last call somebody who is still typing keeps the session, ms. */
const STILL_HERE = 5 * 60_000;

/** What surrounds every page. */
export function Frame({ children }: { readonly children: ReactNode }) {
  const session = useSession();
  return (
    <>
      <a className="skip" href="#content">
        Skip to content
      </a>
      <header>
        <p className="banner">
          <strong>Synthetic data.</strong> <span>None of these people exist.</span>
        </p>
        <div className="top">
          <Link className="brand" to="/">
            <img src={icon} alt="" width="28" height="28" />
            Clinic
          </Link>
          {session && <Navigation session={session} />}
        </div>
        <Connection />
      </header>
      <div id="content" tabIndex={-1}>
        {children}
      </div>
    </>
  );
}

function Navigation({ session: { user, scope } }: { readonly session: Session }) {
  const { pathname } = useLocation();
  const links = scope === 'enrolment' ? [] : NAVIGATION.filter(({ route }) => ROLES_OF[route].includes(user.role));
  useEffect(() => {
    let asking = false;
    const used = () => {
      if (asking || sessionUnusedFor() < STILL_HERE) return;
      asking = true;
      readAccount()
        .catch(() => {})
        .finally(() => {
          asking = false;
        });
    };
    addEventListener('keydown', used);
    addEventListener('pointerdown', used);
    return () => {
      removeEventListener('keydown', used);
      removeEventListener('pointerdown', used);
    };
  }, []);
  const isHere = (route: string) => (route === '/' ? pathname === '/' : pathname.startsWith(route));
  return (
    <>
      {links.length > 0 && (
        <nav className="main-links" aria-label="Main">
          {links.map(({ route, label, page }) => (
            <PageLink
              key={route}
              className="top-link"
              to={route}
              aria-current={isHere(route) ? 'page' : undefined}
              page={page}
            >
              {label}
            </PageLink>
          ))}
        </nav>
      )}
      <div className="who">
        <PageLink
          className="top-link who-name"
          to="/account"
          aria-current={isHere('/account') ? 'page' : undefined}
          page={AccountPage}
        >
          <span className="unseen">Account of </span>
          {user.name}
        </PageLink>
        <button type="button" className="quiet" onClick={signOut}>
          Sign out
        </button>
      </div>
    </>
  );
}

/** Says that nothing can be saved before somebody tries to. */
function Connection() {
  const [online, setOnline] = useState(navigator.onLine);
  useEffect(() => {
    const look = () => setOnline(navigator.onLine);
    addEventListener('online', look);
    addEventListener('offline', look);
    return () => {
      removeEventListener('online', look);
      removeEventListener('offline', look);
    };
  }, []);
  return (
    <div role="status">
      {!online && <p className="banner offline">You are offline. Nothing can be loaded or saved until you are back.</p>}
    </div>
  );
}
