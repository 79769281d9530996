/** How one panel of an open dashboard fares. */
export interface PanelReport {
  readonly key: string;
  readonly title: string;
  readonly type: string;
  /** `hidden`: in a row that is folded, so it asked for nothing. */
  readonly state: 'loading' | 'data' | 'empty' | 'error' | 'hidden';
  /** Why it is an error or empty; Prometheus' own words where they are its. */
  readonly message: string;
  /** Numbers and texts in the answer that are neither null nor NaN. */
  readonly values: number;
  /** Something is drawn: a picture, a graph, a table or text. */
  readonly drawn: boolean;
}
