import { standardTransformersRegistry } from '@grafana/data';
import {
  type CancelActivationHandler,
  SceneDataTransformer,
  SceneQueryRunner,
  sceneGraph,
  VizPanel,
  VizPanelMenu,
} from '@grafana/scenes';
import { Icon } from '@grafana/ui';
import { exploreUrl } from '../explore/explore-url.ts';
import { PROMETHEUS_UID } from '../prometheus/source.ts';
import type { PanelModel } from './model.ts';
import { PanelTimeRange } from './panel-time-range.ts';

/** Lists the dashboard's events, which come to a panel only beside an answer; so it asks for the smallest there is. */
const EVENT_LIST = 'annolist';
const SMALLEST = {
  refId: 'A',
  expr: 'vector(0)',
  instant: true,
  datasource: { type: 'prometheus', uid: PROMETHEUS_UID },
};

/** Transformations that Grafana has and its published packages do not. */
export const unknownTransformations = ({ transformations = [] }: PanelModel): string[] =>
  transformations.map(({ id }) => id).filter((id) => !standardTransformersRegistry.getIfExists(id));

function dataOf(panel: PanelModel) {
  const queries = panel.type === EVENT_LIST ? [SMALLEST] : (panel.targets ?? []);
  if (queries.length === 0) return undefined;
  const runner = new SceneQueryRunner({
    queries: queries.map((target) => ({ ...target })),
    ...(panel.datasource && { datasource: panel.datasource }),
    ...(panel.maxDataPoints && { maxDataPoints: panel.maxDataPoints }),
    ...(panel.interval && { minInterval: panel.interval }),
    maxDataPointsFromWidth: !panel.maxDataPoints,
  });
  return new SceneDataTransformer({ $data: runner, transformations: [...(panel.transformations ?? [])] });
}

/** A panel of the dashboard as the scene's. */
export function toPanel(panel: PanelModel): VizPanel {
  const data = dataOf(panel);
  const unknown = unknownTransformations(panel);
  const made: VizPanel = new VizPanel({
    key: `panel-${panel.id}`,
    pluginId: panel.type,
    pluginVersion: '13.2.2',
    title: panel.title ?? '',
    hoverHeader: !panel.title,
    ...(panel.description && { description: panel.description }),
    ...(unknown.length > 0 && { subtitle: `Preview: without the transformation ${unknown.join(', ')}` }),
    options: panel.options ?? {},
    fieldConfig: (panel.fieldConfig ?? { defaults: {}, overrides: [] }) as VizPanel['state']['fieldConfig'],
    displayMode: panel.transparent ? 'transparent' : 'default',
    ...(data && { $data: data }),
    ...(panel.timeFrom && { $timeRange: new PanelTimeRange(panel.timeFrom) }),
    ...((panel.targets?.length ?? 0) > 0 && { menu: menuOf(panel, () => made) }),
  });
  const items = [
    ...(panel.timeFrom && !panel.hideTimeOverride
      ? [
          <span key="time" className="panel-note">
            Last {panel.timeFrom}
          </span>,
        ]
      : []),
    ...(panel.links ?? []).map(({ title, url, targetBlank }) => (
      <PanelLink key={`${title} ${url}`} panel={made} title={title} url={url} blank={targetBlank ?? false} />
    )),
  ];
  if (items.length > 0) made.setState({ titleItems: <span className="panel-links">{items}</span> });
  return made;
}

interface PanelLinkProps {
  readonly panel: VizPanel;
  readonly title: string;
  readonly url: string;
  readonly blank: boolean;
}

function PanelLink({ panel, title, url, blank }: PanelLinkProps) {
  // Written anew when the time range changes.
  sceneGraph.getTimeRange(panel).useState();
  const put = (text: string) => sceneGraph.interpolate(panel, text);
  return (
    <a
      href={put(url)}
      title={put(title)}
      aria-label={put(title)}
      {...(blank && { target: '_blank', rel: 'noreferrer' })}
    >
      <Icon name="external-link-alt" />
    </a>
  );
}

/** From a panel to the query behind it. */
function menuOf({ targets = [], datasource }: PanelModel, panel: () => VizPanel): VizPanelMenu {
  const [target] = targets;
  const fill = (menu: VizPanelMenu): CancelActivationHandler | undefined => {
    const isTempo = (target?.datasource ?? datasource)?.type === 'tempo';
    // The panel's own intervals are not known outside of a query; Explore puts in its own.
    const query = sceneGraph.interpolate(panel(), (isTempo ? target?.query : target?.expr) ?? '', KEEP_INTERVALS);
    const { from, to } = sceneGraph.getTimeRange(panel()).state;
    menu.setState({
      items: [
        {
          text: 'Explore',
          iconClassName: 'compass',
          href: exploreUrl({ kind: isTempo ? 'tempo' : 'prometheus', query, from, to }),
        },
      ],
    });
    return undefined;
  };
  return new VizPanelMenu({ items: [], $behaviors: [(menu: unknown) => fill(menu as VizPanelMenu) as never] });
}

const keep = (name: string) => [name, { text: `$${name}`, value: `$${name}` }] as const;
const KEEP_INTERVALS = Object.fromEntries(
  ['__rate_interval', '__interval', '__interval_ms', '__range', '__range_s', '__range_ms'].map(keep),
);
