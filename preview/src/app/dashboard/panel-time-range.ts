import { dateMath, rangeUtil, type TimeRange } from '@grafana/data';
import { type SceneTimeRangeState, SceneTimeRangeTransformerBase } from '@grafana/scenes';

interface State extends SceneTimeRangeState {
  /** Such as `24h`. */
  readonly timeFrom: string;
}

function untilNow(timeFrom: string): Pick<SceneTimeRangeState, 'from' | 'to' | 'value'> {
  const raw = { from: `now-${timeFrom}`, to: 'now' };
  const value = { from: dateMath.toDateTime(raw.from, {}), to: dateMath.toDateTime(raw.to, {}), raw } as TimeRange;
  return { ...raw, value };
}

/** A panel's own time range: as long as it says, until now. As in Grafana, an absolute range of the dashboard goes before it. */
export class PanelTimeRange extends SceneTimeRangeTransformerBase<State> {
  constructor(timeFrom: string) {
    super({ timeFrom, ...untilNow(timeFrom) });
  }

  protected override ancestorTimeRangeChanged({ from, to, value }: SceneTimeRangeState): void {
    this.setState(rangeUtil.isRelativeTimeRange(value.raw) ? untilNow(this.state.timeFrom) : { from, to, value });
  }
}
