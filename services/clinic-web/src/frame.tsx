import { type ReactNode, useEffect, useRef } from 'react';
import { Link, useLocation } from 'react-router';
import icon from './icon.svg';
import { closeSession, useSession } from './session.ts';

/** What surrounds every page; after a navigation the focus goes to the page's heading. */
export function Frame({ children }: { readonly children: ReactNode }) {
  const session = useSession();
  const { pathname } = useLocation();
  const before = useRef(pathname);

  useEffect(() => {
    if (before.current === pathname) return;
    before.current = pathname;
    window.scrollTo(0, 0);
    const heading = document.querySelector<HTMLElement>('main h1');
    heading?.setAttribute('tabindex', '-1');
    heading?.focus();
  }, [pathname]);

  return (
    <>
      <a className="skip" href="#content">
        Skip to content
      </a>
      <p className="banner" role="note">
        <strong>Synthetic data.</strong> <span>None of these people exist.</span>
      </p>
      <header className="top">
        <Link className="brand" to="/">
          <img src={icon} alt="" width="28" height="28" />
          Clinic
        </Link>
        {session && (
          <>
            <nav aria-label="Main">
              <Link
                className="top-link"
                to="/clients"
                aria-current={pathname.startsWith('/clients') ? 'page' : undefined}
              >
                Clients
              </Link>
            </nav>
            <div className="who">
              <span className="who-name">{session.user.name}</span>
              <button type="button" className="quiet" onClick={closeSession}>
                Sign out
              </button>
            </div>
          </>
        )}
      </header>
      <div id="content" tabIndex={-1}>
        {children}
      </div>
    </>
  );
}
