import {
  type DataFrame,
  type DataQueryRequest,
  type DataQueryResponseData,
  type DataSourceApi,
  type DataSourceInstanceSettings,
  DataTopic,
  LoadingState,
  type PanelData,
  type PanelPlugin,
  toDataFrame,
} from '@grafana/data';
import {
  type DataSourceSrv,
  setDataSourceSrv,
  setPluginImportUtils,
  setRunRequest,
  setTemplateSrv,
  type TemplateSrv,
  toDataQueryError,
} from '@grafana/runtime';
import { sceneUtils } from '@grafana/scenes';
import { catchError, from, map, type Observable, of, startWith } from 'rxjs';
import { interpolate } from './interpolate.ts';
import { unknownPanel } from './panels/unknown.tsx';
import { PROMETHEUS_UID, PrometheusSource } from './prometheus/source.ts';
import { TEMPO_UID, TempoSource } from './tempo/source.ts';

const NAMES: Readonly<Record<string, string>> = { [PROMETHEUS_UID]: 'Prometheus', [TEMPO_UID]: 'Tempo' };

function settingsOf(source: DataSourceApi): DataSourceInstanceSettings {
  const name = NAMES[source.uid] ?? source.uid;
  const meta = { ...source.meta, id: source.type, name, metrics: source.type === 'prometheus', annotations: true };
  const settings = {
    uid: source.uid,
    name,
    type: source.type,
    meta,
    isDefault: source.uid === PROMETHEUS_UID,
    jsonData: {},
    id: 1,
    readOnly: true,
    access: 'proxy',
  };
  return settings as unknown as DataSourceInstanceSettings;
}

/** The data sources of Grafana's provisioning, by the uids that it gives them. */
function dataSources(sources: readonly DataSourceApi[]): DataSourceSrv {
  const all = sources.map((source) => ({ source, settings: settingsOf(source) }));
  const find = (ref: unknown, scopedVars?: Parameters<typeof interpolate>[1]) => {
    const given = typeof ref === 'string' ? ref : (ref as { uid?: string; type?: string } | null | undefined);
    const uid = interpolate((typeof given === 'string' ? given : given?.uid) ?? '', scopedVars);
    const type = typeof given === 'object' ? given?.type : undefined;
    const exact = all.find(({ settings }) => settings.uid === uid || settings.name === uid);
    // A reference without a uid, or through a variable that is not known here: the one of its type.
    const asked = uid === '' || uid === 'default' || uid.includes('$');
    return exact ?? (asked ? (all.find(({ settings }) => settings.type === type) ?? all[0]) : undefined);
  };
  const service = {
    get: async (ref: unknown, scopedVars: Parameters<typeof interpolate>[1]) => {
      const found = find(ref, scopedVars);
      if (found) return found.source;
      throw new Error('The preview has no such data source: it knows Prometheus and Tempo.');
    },
    getList: (filters?: { type?: string | string[]; pluginId?: string }) =>
      all
        .map(({ settings }) => settings)
        .filter(({ type }) => {
          const wanted = filters?.pluginId ?? filters?.type;
          return wanted === undefined || [wanted].flat().includes(type);
        }),
    getInstanceSettings: (ref: unknown, scopedVars: Parameters<typeof interpolate>[1]) =>
      find(ref, scopedVars)?.settings,
    reload: async () => {},
    registerRuntimeDataSource: () => {},
  };
  return service as unknown as DataSourceSrv;
}

/** Exemplars and events arrive with the series and are drawn over them. */
const isOverlay = (frame: DataFrame) => frame.meta?.dataTopic === DataTopic.Annotations;

function runRequest(
  source: DataSourceApi,
  request: DataQueryRequest,
  queryFn?: (request: DataQueryRequest) => ReturnType<DataSourceApi['query']>,
): Observable<PanelData> {
  const base: PanelData = {
    state: LoadingState.Loading,
    series: [],
    annotations: [],
    timeRange: request.range,
    request,
  };
  const failed = (cause: unknown) => {
    const error = toDataQueryError(cause);
    return of<PanelData>({ ...base, state: LoadingState.Error, errors: [error], error });
  };
  return from((queryFn ?? source.query.bind(source))(request)).pipe(
    map(({ data, state, errors }): PanelData => {
      const frames = data.map((frame: DataQueryResponseData) => toDataFrame(frame));
      return {
        ...base,
        state: state ?? LoadingState.Done,
        series: frames.filter((frame) => !isOverlay(frame)),
        annotations: frames.filter(isOverlay),
        ...(errors?.[0] && { errors, error: errors[0] }),
      };
    }),
    catchError(failed),
    startWith(base),
  );
}

/** Installs what @grafana/scenes expects of its host; in Grafana its own app does. */
export function installServices(plugins: Readonly<Record<string, PanelPlugin>>): void {
  const sources: unknown[] = [new PrometheusSource('prometheus', PROMETHEUS_UID), new TempoSource('tempo', TEMPO_UID)];
  setDataSourceSrv(dataSources(sources as DataSourceApi[]));
  setTemplateSrv({
    getVariables: () => [],
    replace: (text = '', scopedVars, format) => interpolate(text, scopedVars, format),
    containsTemplate: (text = '') => text.includes('$'),
    updateTimeRange: () => {},
  } as TemplateSrv);
  setPluginImportUtils({
    getPanelPluginFromCache: () => undefined,
    importPanelPlugin: (id) => Promise.resolve(unknownPanel(id)),
  });
  setRunRequest(runRequest);
  for (const [pluginId, plugin] of Object.entries(plugins)) sceneUtils.registerRuntimePanelPlugin({ pluginId, plugin });
}
