/** Colours by meaning, as Grafana names them, so that both themes show them well. Panels hold no other. */
export const colors = {
  healthy: 'green',
  degraded: 'yellow',
  bad: 'red',
  unknown: '#8e8e8e',
  limit: 'red',
  typical: 'blue',
  high: 'orange',
  highest: 'purple',
  rate: 'blue',
  errors: 'red',
  neutral: 'text',
  /** Of a whole whose parts are neither good nor bad. */
  usual: 'semi-dark-green',
  common: 'light-blue',
  rare: 'dark-purple',
  rarest: 'dark-blue',
} as const;

export type Color = (typeof colors)[keyof typeof colors];

/** Of the 24 columns of a row; of 30 px each. */
export const widths = { full: 24, half: 12, third: 8, quarter: 6, sixth: 4, eighth: 3 } as const;
export const heights = { stat: 4, graph: 8, table: 9 } as const;
