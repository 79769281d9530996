import { usePageLoad } from '@clinic/instrumentation/react';
import type { ReactNode } from 'react';
import { Link, Navigate, Route, Routes, useParams } from 'react-router';
import { ErrorBoundary } from './error-boundary.tsx';
import { Frame } from './frame.tsx';
import { Page } from './page.tsx';
import {
  AccountPage,
  ChartPage,
  ClientsPage,
  DashboardPage,
  DocumentsPage,
  NotePage,
  NotesPage,
  ROLES_OF,
  SchedulePage,
  UsersPage,
} from './pages.ts';
import { lastSession, useSession } from './session.ts';
import { SignInPage } from './sign-in-page.tsx';

type SignedInRoute = keyof typeof ROLES_OF;

const PAGES: Readonly<Record<SignedInRoute, ReactNode>> = {
  '/': <DashboardPage />,
  '/clients': <ClientsPage />,
  '/clients/:id': <WithId>{(id) => <ChartPage key={id} id={id} />}</WithId>,
  '/schedule': <SchedulePage />,
  '/notes': <NotesPage />,
  '/notes/:id': <WithId>{(id) => <NotePage key={id} id={id} />}</WithId>,
  '/documents': <DocumentsPage />,
  '/account': <AccountPage />,
  '/users': <UsersPage />,
};

export function App() {
  return (
    <Frame>
      <ErrorBoundary>
        <Routes>
          <Route path="/sign-in" element={<SignInPage />} />
          {(Object.keys(PAGES) as SignedInRoute[]).map((route) => (
            <Route
              key={route}
              path={route}
              element={
                <SignedIn key={route} route={route}>
                  {PAGES[route]}
                </SignedIn>
              }
            />
          ))}
          <Route path="*" element={<Nowhere />} />
        </Routes>
      </ErrorBoundary>
    </Frame>
  );
}

function SignedIn({ route, children }: { readonly route: SignedInRoute; readonly children: ReactNode }) {
  const session = useSession();
  // Where a session has ended, and whose it was, only memory knows: the browser's history is there for whoever comes next.
  if (!session) return <Navigate to="/sign-in" state={lastSession() ? null : { from: location.pathname }} replace />;
  if (session.scope === 'enrolment' && route !== '/account') return <Navigate to="/account" replace />;
  return ROLES_OF[route].includes(session.user.role) ? children : <NotForThisRole route={route} />;
}

function WithId({ children }: { children(id: string): ReactNode }) {
  return children(useParams().id ?? '');
}

function NotForThisRole({ route }: { readonly route: SignedInRoute }) {
  usePageLoad(route, true);
  return (
    <Page title="Not allowed" heading="This page is not for your role">
      <p>
        If you need it for your work, ask an administrator of the practice. <Link to="/">Go to today</Link>
      </p>
    </Page>
  );
}

function Nowhere() {
  return (
    <Page title="Not found" heading="There is no such page">
      <p>
        Check the address, or <Link to="/">go to today</Link>.
      </p>
    </Page>
  );
}
