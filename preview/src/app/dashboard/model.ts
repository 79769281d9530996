import type { DataLink, DataTransformerConfig, FieldConfigSource } from '@grafana/data';

/** What the preview reads of a dashboard in Grafana's classic schema. */
export interface DashboardModel {
  readonly uid: string;
  readonly title: string;
  readonly description?: string;
  readonly tags?: readonly string[];
  readonly time?: { readonly from: string; readonly to: string };
  readonly timezone?: string;
  readonly refresh?: string | false;
  readonly timepicker?: { readonly refresh_intervals?: string[]; readonly nowDelay?: string };
  /** 0: nothing is shared, 1: the crosshair, 2: the tooltip too. */
  readonly graphTooltip?: 0 | 1 | 2;
  readonly templating?: { readonly list?: readonly VariableModel[] };
  readonly annotations?: { readonly list?: readonly AnnotationModel[] };
  readonly links?: readonly DashboardLinkModel[];
  readonly panels?: readonly PanelModel[];
}

interface DataSourceRef {
  readonly type?: string;
  readonly uid?: string;
}

export interface VariableModel {
  readonly name: string;
  readonly type: string;
  readonly label?: string;
  readonly description?: string;
  readonly hide?: 0 | 1 | 2;
  readonly query?: string | { readonly query: string; readonly refId?: string };
  readonly datasource?: DataSourceRef;
  readonly current?: { readonly value?: string | string[]; readonly text?: string | string[] };
  readonly refresh?: number;
  readonly regex?: string;
  readonly sort?: number;
  readonly multi?: boolean;
  readonly includeAll?: boolean;
  readonly allValue?: string | null;
  readonly auto?: boolean;
  readonly auto_count?: number;
  readonly auto_min?: string;
  readonly skipUrlSync?: boolean;
}

export interface AnnotationModel {
  readonly name: string;
  readonly enable: boolean;
  readonly hide?: boolean;
  readonly iconColor?: string;
  readonly datasource?: DataSourceRef;
  readonly expr?: string;
  readonly target?: { readonly expr?: string };
}

export interface DashboardLinkModel {
  readonly type: 'link' | 'dashboards';
  readonly title?: string;
  readonly tooltip?: string;
  readonly url?: string;
  readonly tags?: readonly string[];
  readonly keepTime?: boolean;
  readonly includeVars?: boolean;
  readonly targetBlank?: boolean;
  readonly asDropdown?: boolean;
}

export interface TargetModel {
  readonly refId: string;
  readonly expr?: string;
  readonly query?: string;
  readonly datasource?: DataSourceRef;
}

export interface PanelModel {
  readonly id: number | string;
  readonly type: string;
  readonly title?: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource?: DataSourceRef;
  readonly targets?: readonly TargetModel[];
  readonly options?: object;
  readonly fieldConfig?: FieldConfigSource;
  readonly transformations?: readonly DataTransformerConfig[];
  readonly transparent?: boolean;
  readonly interval?: string;
  readonly maxDataPoints?: number;
  /** A range of its own, such as `24h`: this long until now. */
  readonly timeFrom?: string;
  readonly hideTimeOverride?: boolean;
  readonly repeat?: string;
  readonly repeatDirection?: 'h' | 'v';
  readonly maxPerRow?: number;
  readonly links?: readonly DataLink[];
  /** Of a row. */
  readonly collapsed?: boolean;
  readonly panels?: readonly PanelModel[];
}
