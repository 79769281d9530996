import 'react-grid-layout/css/styles.css';
import { ThemeContext } from '@grafana/data';
import { config, LocationServiceProvider, locationService } from '@grafana/runtime';
import { GlobalStyles, PortalContainer } from '@grafana/ui';
import { createRoot } from 'react-dom/client';
import { initGrafana } from './grafana.ts';
import { App } from './page/app.tsx';
import { panelPlugins } from './panels/panels.tsx';
import { installServices } from './services.ts';

await initGrafana();
installServices(panelPlugins());
document.documentElement.dataset.theme = config.theme2.isDark ? 'dark' : 'light';
createRoot(document.getElementById('root')!).render(
  <ThemeContext.Provider value={config.theme2}>
    <GlobalStyles />
    <PortalContainer />
    <LocationServiceProvider service={locationService}>
      <App />
    </LocationServiceProvider>
  </ThemeContext.Provider>,
);
