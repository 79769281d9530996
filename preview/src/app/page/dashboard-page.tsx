import { type EmbeddedScene, UrlSyncContextProvider } from '@grafana/scenes';
import { Alert, LoadingPlaceholder } from '@grafana/ui';
import { useEffect, useState } from 'react';
import { useParams } from 'react-router-dom';
import type { DashboardModel } from '../dashboard/model.ts';
import { expandRows, report } from '../dashboard/report.ts';
import { toScene } from '../dashboard/scene.ts';
import { DashboardLinks } from './dashboard-links.tsx';
import { type DashboardEntry, fetchDashboard, fetchDashboards } from './dashboard-list.ts';

interface Loaded {
  readonly dashboard: DashboardModel;
  readonly scene: EmbeddedScene;
  readonly all: readonly DashboardEntry[];
}

export function DashboardPage() {
  const { uid = '' } = useParams();
  const [answer, setAnswer] = useState<Loaded | { error: string }>();
  useEffect(() => {
    let current = true;
    setAnswer(undefined);
    Promise.all([fetchDashboard(uid), fetchDashboards()])
      .then(([dashboard, all]): Loaded => ({ dashboard, scene: toScene(dashboard), all }))
      .catch((error: Error) => ({ error: error.message }))
      .then((loaded) => {
        if (current) setAnswer(loaded);
      });
    return () => {
      current = false;
    };
  }, [uid]);

  if (!answer) return <LoadingPlaceholder text="Loading the dashboard…" className="page" />;
  if ('error' in answer) {
    return (
      <main className="page">
        <Alert severity="error" title="The dashboard cannot be shown">
          {answer.error}
        </Alert>
      </main>
    );
  }
  return <Dashboard {...answer} />;
}

function Dashboard({ dashboard, scene, all }: Loaded) {
  useEffect(() => {
    document.title = `${dashboard.title} - preview`;
    // What a test or a picture script asks for: see preview/src/check.
    Object.assign(window, { previewReport: () => report(scene), previewExpandRows: () => expandRows(scene) });
    return () => {
      Object.assign(window, { previewReport: undefined, previewExpandRows: undefined });
    };
  }, [dashboard, scene]);
  return (
    <main className="page dashboard">
      <div className="dashboard-head">
        <h1 title={dashboard.description}>{dashboard.title}</h1>
        <DashboardLinks dashboard={dashboard} scene={scene} all={all} />
      </div>
      <UrlSyncContextProvider scene={scene} updateUrlOnInit createBrowserHistorySteps>
        <scene.Component model={scene} />
      </UrlSyncContextProvider>
    </main>
  );
}
