import type { EmbeddedScene } from '@grafana/scenes';
import { sceneGraph, sceneUtils } from '@grafana/scenes';
import { Dropdown, LinkButton, Menu, ToolbarButton } from '@grafana/ui';
import { useLocation } from 'react-router-dom';
import type { DashboardLinkModel, DashboardModel } from '../dashboard/model.ts';
import { type DashboardEntry, dashboardPath } from './dashboard-list.ts';

interface DashboardLinksProps {
  readonly dashboard: DashboardModel;
  readonly scene: EmbeddedScene;
  readonly all: readonly DashboardEntry[];
}

/** Links in a dashboard's head: to others by tag, or to any address; with its time range and variables where it says so. */
export function DashboardLinks({ dashboard, scene, all }: DashboardLinksProps) {
  // Time range and variables are in the address.
  useLocation();
  const state = sceneUtils.getUrlState(scene);
  const query = ({ keepTime, includeVars }: DashboardLinkModel) => {
    const parameters = new URLSearchParams();
    for (const [name, value] of Object.entries(state)) {
      const wanted = ['from', 'to', 'timezone'].includes(name) ? keepTime : name.startsWith('var-') && includeVars;
      if (wanted) for (const one of [value ?? []].flat()) parameters.append(name, one);
    }
    return parameters.toString();
  };
  const withQuery = (url: string, link: DashboardLinkModel) => {
    const added = query(link);
    return added === '' ? url : `${url}${url.includes('?') ? '&' : '?'}${added}`;
  };
  const byTag = ({ tags = [] }: DashboardLinkModel) =>
    all.filter(({ uid, tags: own }) => uid !== dashboard.uid && tags.every((tag) => own.includes(tag)));

  return (
    <nav className="dashboard-links" aria-label="Links of this dashboard">
      {(dashboard.links ?? []).map((link) => {
        if (link.type === 'link') {
          const href = withQuery(sceneGraph.interpolate(scene, link.url ?? ''), link);
          const blank = link.targetBlank ? { target: '_blank', rel: 'noreferrer' } : {};
          return (
            <LinkButton
              key={`${link.title} ${link.url}`}
              size="sm"
              variant="secondary"
              href={href}
              tooltip={link.tooltip ?? ''}
              {...blank}
            >
              {link.title}
            </LinkButton>
          );
        }
        const found = byTag(link);
        if (!link.asDropdown) {
          return found.map((entry) => (
            <LinkButton key={entry.uid} size="sm" variant="secondary" href={withQuery(dashboardPath(entry), link)}>
              {entry.title}
            </LinkButton>
          ));
        }
        const menu = (
          <Menu>
            {found.map((entry) => (
              <Menu.Item key={entry.uid} label={entry.title} url={withQuery(dashboardPath(entry), link)} />
            ))}
          </Menu>
        );
        return (
          <Dropdown key={link.title} overlay={menu}>
            <ToolbarButton variant="canvas" isOpen={false} icon="bars">
              {link.title}
            </ToolbarButton>
          </Dropdown>
        );
      })}
    </nav>
  );
}
