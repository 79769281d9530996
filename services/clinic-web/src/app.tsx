import type { PageRoute } from '@clinic/catalogue/routes';
import { type ReactNode, useEffect } from 'react';
import { Navigate, Route, Routes, useParams } from 'react-router';
import { ChartPage } from './chart-page.tsx';
import { ClientsPage } from './clients-page.tsx';
import { Frame } from './frame.tsx';
import { useSession } from './session.ts';
import { SignInPage } from './sign-in-page.tsx';

const page = (path: PageRoute, element: ReactNode) => <Route path={path} element={element} />;

export function App() {
  return (
    <Frame>
      <Routes>
        {page('/', <Navigate to="/clients" replace />)}
        {page('/sign-in', <SignInPage />)}
        {page(
          '/clients',
          <SignedIn>
            <ClientsPage />
          </SignedIn>,
        )}
        {page(
          '/clients/:id',
          <SignedIn>
            <Chart />
          </SignedIn>,
        )}
        <Route path="*" element={<Nowhere />} />
      </Routes>
    </Frame>
  );
}

function SignedIn({ children }: { readonly children: ReactNode }) {
  return useSession() ? children : <Navigate to="/sign-in" replace />;
}

function Chart() {
  const { id = '' } = useParams();
  return <ChartPage key={id} id={id} />;
}

function Nowhere() {
  useEffect(() => {
    document.title = 'Not found · Clinic';
  }, []);
  return (
    <main className="page">
      <h1>There is no such page</h1>
      <p>
        Check the address, or go to the <a href="/clients">clients</a>.
      </p>
    </main>
  );
}
