import {
  ConstantVariable,
  CustomVariable,
  DataSourceVariable,
  IntervalVariable,
  QueryVariable,
  type SceneVariable,
  TextBoxVariable,
} from '@grafana/scenes';
import type { VariableModel } from './model.ts';

const ALL = '$__all';

/** A variable of the dashboard as the scene's. */
export function toVariable(model: VariableModel): SceneVariable {
  const { name, type, label, description, hide, skipUrlSync } = model;
  const shared = { name, label: label ?? null, description: description ?? null, hide, skipUrlSync };
  const chosen = model.current?.value;
  const empty = chosen === undefined || chosen === '' || (Array.isArray(chosen) && chosen.length === 0);
  const several = {
    ...shared,
    value: empty ? (model.includeAll ? ALL : '') : chosen,
    text: model.current?.text ?? '',
    isMulti: model.multi ?? false,
    includeAll: model.includeAll ?? false,
    defaultToAll: Boolean(model.includeAll) && empty,
    ...(model.allValue && { allValue: model.allValue }),
  };
  const query = typeof model.query === 'string' ? model.query : (model.query?.query ?? '');
  const first = Array.isArray(chosen) ? chosen[0] : chosen;
  const state = (more: object) => ({ ...clean(several), ...clean(more) });
  switch (type) {
    case 'query':
      return new QueryVariable(
        state({
          query: model.query,
          datasource: model.datasource ?? null,
          refresh: model.refresh,
          regex: model.regex ?? '',
          sort: model.sort,
        }),
      );
    case 'custom':
      return new CustomVariable(state({ query }));
    case 'datasource':
      return new DataSourceVariable(state({ pluginId: query, regex: model.regex ?? '' }));
    case 'interval':
      return new IntervalVariable({
        ...clean(shared),
        ...clean({
          value: first,
          intervals: query.split(',').map((one) => one.trim()),
          autoEnabled: model.auto,
          autoStepCount: model.auto_count,
          autoMinInterval: model.auto_min,
        }),
      });
    case 'textbox':
      return new TextBoxVariable({ ...clean(shared), value: first ?? query });
    case 'constant':
      return new ConstantVariable({ ...clean(shared), value: query, hide: 2 });
    default:
      throw new Error(`The preview does not know variables of the type "${type}".`);
  }
}

/** Without what is undefined: the scene would take it for a value. */
function clean<State extends object>(state: State): { [Key in keyof State]: NonNullable<State[Key]> } {
  return Object.fromEntries(Object.entries(state).filter(([, value]) => value !== undefined)) as never;
}
