/** Must be imported before all else: @grafana/runtime reads what is set here when it is loaded. */
export const THEME_KEY = 'preview.theme';
export type Theme = 'dark' | 'light';

function chosenTheme(): Theme {
  // As Grafana: `?theme=` holds for one visit.
  const asked = new URLSearchParams(location.search).get('theme') ?? localStorage.getItem(THEME_KEY);
  if (asked === 'dark' || asked === 'light') return asked;
  return matchMedia('(prefers-color-scheme: light)').matches ? 'light' : 'dark';
}

export const theme = chosenTheme();

Object.assign(window, {
  grafanaBootData: {
    assets: { dark: '', light: '' },
    settings: {
      buildInfo: { version: '13.2.2', commit: '', env: 'production' },
      featureToggles: {},
      datasources: {},
      panels: {},
      appSubUrl: '',
    },
    user: { theme, timezone: 'browser', locale: 'en-US', orgRole: 'Viewer', isSignedIn: true, permissions: {} },
    navTree: [],
  },
  // @grafana/ui loads its icons from <this>/build/img/icons.
  __grafana_public_path__: '/public/',
});
