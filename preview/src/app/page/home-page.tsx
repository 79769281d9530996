import { LoadingPlaceholder } from '@grafana/ui';
import { useEffect, useState } from 'react';
import { Navigate } from 'react-router-dom';
import { dashboardPath, fetchDashboards } from './dashboard-list.ts';

const HOME_UID = 'home';

/** The dashboard with the uid `home`, else the list of all. */
export function HomePage() {
  const [path, setPath] = useState<string>();
  useEffect(() => {
    fetchDashboards().then(
      (all) => {
        const home = all.find(({ uid }) => uid === HOME_UID);
        setPath(home ? dashboardPath(home) : '/dashboards');
      },
      () => setPath('/dashboards'),
    );
  }, []);
  return path ? <Navigate to={path} replace /> : <LoadingPlaceholder text="Loading…" className="page" />;
}
