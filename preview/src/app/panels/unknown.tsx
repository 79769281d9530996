import { PanelPlugin } from '@grafana/data';

/** Stands for a panel type that the preview cannot draw, and says so. */
export function unknownPanel(id: string): PanelPlugin {
  const plugin = new PanelPlugin(() => (
    <div className="panel-error" role="alert">
      The preview cannot draw panels of the type "{id}". Grafana may.
    </div>
  ));
  plugin.meta = { ...plugin.meta, id, name: id, info: { version: '' } as typeof plugin.meta.info };
  return plugin;
}
