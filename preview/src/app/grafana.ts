import {
  booleanOverrideProcessor,
  dataLinksOverrideProcessor,
  displayNameOverrideProcessor,
  EventBusSrv,
  type Field,
  type FieldConfigPropertyItem,
  FieldType,
  type GrafanaConfig,
  identityOverrideProcessor,
  locationUtil,
  numberOverrideProcessor,
  standardEditorsRegistry,
  standardFieldConfigEditorRegistry,
  standardTransformers,
  standardTransformersRegistry,
  stringOverrideProcessor,
  type TransformerRegistryItem,
  thresholdsOverrideProcessor,
  unitOverrideProcessor,
  valueMappingsOverrideProcessor,
} from '@grafana/data';
import { initPluginTranslations } from '@grafana/i18n';
import { config, setAppEvents } from '@grafana/runtime';

const isNumber = (field: Field) => field.type === FieldType.number;
const always = () => true;

type Property = readonly [
  id: string,
  process: (value: never, context: never, settings?: never) => unknown,
  shouldApply: (field: Field) => boolean,
  settings?: object,
];

/** Grafana's standard field options; its own list of them comes with the editors and is not published. */
const PROPERTIES: readonly Property[] = [
  ['displayName', displayNameOverrideProcessor, always, { expandTemplateVars: true }],
  ['unit', unitOverrideProcessor, always],
  ['min', numberOverrideProcessor, isNumber],
  ['max', numberOverrideProcessor, isNumber],
  ['fieldMinMax', booleanOverrideProcessor, isNumber],
  ['decimals', numberOverrideProcessor, isNumber, { integer: true }],
  ['noValue', stringOverrideProcessor, always],
  ['color', identityOverrideProcessor, always],
  ['thresholds', thresholdsOverrideProcessor, always],
  ['mappings', valueMappingsOverrideProcessor, always],
  ['links', dataLinksOverrideProcessor, always],
  ['filterable', booleanOverrideProcessor, always],
  ['description', stringOverrideProcessor, always],
];

const DEFAULTS: Readonly<Record<string, unknown>> = {
  thresholds: {
    mode: 'absolute',
    steps: [
      { value: -Infinity, color: 'green' },
      { value: 80, color: 'red' },
    ],
  },
  mappings: [],
};

/** Nothing is edited here, and Grafana's registries ask for an editor of everything. */
export const NO_EDITOR = () => null;

function property([id, process, shouldApply, settings]: Property): FieldConfigPropertyItem {
  const item = {
    id,
    path: id,
    name: id,
    editor: NO_EDITOR,
    override: NO_EDITOR,
    process,
    shouldApply,
    settings,
    category: ['Standard options'],
    defaultValue: DEFAULTS[id],
  };
  return item as unknown as FieldConfigPropertyItem;
}

/** Fills the registries that Grafana's own start-up fills. */
export async function initGrafana(): Promise<void> {
  standardEditorsRegistry.setInit(() => []);
  standardFieldConfigEditorRegistry.setInit(() => PROPERTIES.map(property));
  standardTransformersRegistry.setInit(() => {
    const byId = new Map(
      Object.values(standardTransformers).map((transformer) => [String(transformer.id), transformer]),
    );
    return [...byId].map(([id, transformer]) => {
      const item = {
        id,
        name: transformer.name,
        transformation: () => Promise.resolve(transformer),
        editor: NO_EDITOR,
        imageDark: '',
        imageLight: '',
      };
      return item as unknown as TransformerRegistryItem;
    });
  });
  setAppEvents(new EventBusSrv());
  locationUtil.initialize({
    config: config as unknown as GrafanaConfig,
    getVariablesUrlParams: () => ({}),
    getTimeRangeForUrl: () => ({ from: 'now-1h', to: 'now' }),
  });
  await initPluginTranslations('grafana');
}
