import { locationService } from '@grafana/runtime';
import { IconButton } from '@grafana/ui';
import { lazy, type ReactNode, Suspense, useLayoutEffect, useState } from 'react';
import { Link, NavigationType, NavLink, Route, Router, Routes } from 'react-router-dom';
import { THEME_KEY, theme } from '../boot-data.ts';
import { DashboardPage } from './dashboard-page.tsx';
import { DashboardsPage } from './dashboards-page.tsx';
import { HomePage } from './home-page.tsx';

// The editor and the waterfall are of no use to somebody who looks at a dashboard.
const ExplorePage = lazy(() => import('./explore-page.tsx').then(({ ExplorePage }) => ({ default: ExplorePage })));
const TracePage = lazy(() => import('./trace-page.tsx').then(({ TracePage }) => ({ default: TracePage })));

/** Grafana's components write the address through a history of their own; the router has to follow the same. */
function GrafanaRouter({ children }: { children: ReactNode }) {
  const history = locationService.getHistory();
  const [location, setLocation] = useState(history.location);
  useLayoutEffect(() => history.listen((next: typeof location) => setLocation(next)), [history]);
  return (
    <Router location={location} navigator={history as never} navigationType={NavigationType.Pop}>
      {children}
    </Router>
  );
}

/** Links inside of panels and texts change the page without loading it anew. */
function followLink(event: React.MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey)
    return;
  const anchor = (event.target as Element).closest('a');
  if (!anchor || anchor.target === '_blank' || anchor.origin !== location.origin || anchor.hasAttribute('download'))
    return;
  event.preventDefault();
  locationService.push(anchor.pathname + anchor.search + anchor.hash);
}

function changeTheme(): void {
  localStorage.setItem(THEME_KEY, theme === 'dark' ? 'light' : 'dark');
  const url = new URL(location.href);
  url.searchParams.delete('theme');
  location.assign(url);
}

const DIFFERENCE =
  'Grafana does not run here. These are its dashboards, drawn by its published components; gauge, heatmap, timelines, pie and alert list are drawn after it.';

export function App() {
  return (
    <GrafanaRouter>
      {/* biome-ignore lint/a11y/noStaticElementInteractions lint/a11y/useKeyWithClickEvents: the links in it take the keys */}
      <div onClick={followLink} className="app">
        <header className="app-bar">
          <Link to="/" className="product">
            Clinic observability
          </Link>
          <span className="preview-badge" title={DIFFERENCE}>
            preview
          </span>
          <nav aria-label="Main">
            <NavLink to="/dashboards">Dashboards</NavLink>
            <NavLink to="/explore">Explore</NavLink>
          </nav>
          <span className="spacer" />
          <IconButton name="palette" tooltip={theme === 'dark' ? 'Light theme' : 'Dark theme'} onClick={changeTheme} />
        </header>
        <Suspense fallback={null}>
          <Routes>
            <Route path="/" element={<HomePage />} />
            <Route path="/dashboards" element={<DashboardsPage />} />
            <Route path="/d/:uid/:slug?" element={<DashboardPage />} />
            <Route path="/explore" element={<ExplorePage />} />
            <Route path="/trace/:id" element={<TracePage />} />
          </Routes>
        </Suspense>
      </div>
    </GrafanaRouter>
  );
}
