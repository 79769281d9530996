import { type FieldDisplay, formattedValueToString, ThresholdsMode } from '@grafana/data';
import { useTheme2 } from '@grafana/ui';

/** Where the arc begins and ends, in degrees; 0 is to the right, as in SVG. */
const FROM = -210;
const TO = 30;

interface Center {
  readonly cx: number;
  readonly cy: number;
}

function point({ cx, cy }: Center, radius: number, degrees: number): [number, number] {
  const angle = (degrees * Math.PI) / 180;
  return [cx + radius * Math.cos(angle), cy + radius * Math.sin(angle)];
}

function arc(center: Center, radius: number, from: number, to: number): string {
  const [x0, y0] = point(center, radius, from);
  const [x1, y1] = point(center, radius, to);
  return `M${x0} ${y0}A${radius} ${radius} 0 ${to - from > 180 ? 1 : 0} 1 ${x1} ${y1}`;
}

export interface GaugeProps {
  readonly value: FieldDisplay;
  readonly width: number;
  readonly height: number;
  /** Draw the thresholds as a second, thin arc. */
  readonly markers: boolean;
  /** Write the thresholds beside it. */
  readonly labels: boolean;
  readonly title: boolean;
}

/** Grafana keeps its own gauge private; this one is drawn after its options. */
export function Gauge({ value, width, height, markers, labels, title }: GaugeProps) {
  const theme = useTheme2();
  const { field, display } = value;
  const [min, max] = [field.min ?? 0, field.max ?? 100];
  const room = title ? height - Math.min(24, height * 0.2) : height;
  const radius = Math.max(8, Math.min(width / 2, room / 1.55) - 2);
  const band = radius * 0.22;
  const mark = markers ? Math.max(3, radius * 0.06) : 0;
  const center = { cx: width / 2, cy: radius + 2 };
  const degrees = (at: number) => FROM + (TO - FROM) * Math.max(0, Math.min(1, (at - min) / (max - min || 1)));
  const absolute = (at: number | null) => {
    if (at === null || at === -Infinity) return min;
    return field.thresholds?.mode === ThresholdsMode.Percentage ? min + ((max - min) * at) / 100 : at;
  };
  const steps = (field.thresholds?.steps ?? []).map((step) => ({ ...step, value: absolute(step.value) }));
  const middle = radius - mark - (markers ? 2 : 0) - band / 2;
  const text = formattedValueToString(display);
  const size = Math.min(radius * 0.42, ((middle * 1.5) / Math.max(3, text.length)) * 1.5);
  const filled = degrees(display.numeric);
  return (
    <svg width={width} height={height} role="img" aria-label={`${display.title ?? ''} ${text}`}>
      {markers &&
        steps.map((step, index) => {
          const [from, to] = [degrees(step.value), degrees(steps[index + 1]?.value ?? max)];
          const color = theme.visualization.getColorByName(step.color);
          if (to <= from) return null;
          const path = arc(center, radius - mark / 2, from, to);
          return <path key={step.value} d={path} stroke={color} strokeWidth={mark} fill="none" />;
        })}
      <path
        d={arc(center, middle, FROM, TO)}
        stroke={theme.colors.background.secondary}
        strokeWidth={band}
        fill="none"
      />
      {Number.isFinite(display.numeric) && filled > FROM && (
        <path d={arc(center, middle, FROM, filled)} stroke={display.color} strokeWidth={band} fill="none" />
      )}
      {labels &&
        steps.slice(1).map((step) => {
          const [x, y] = point(center, radius - mark - band - 10, degrees(step.value));
          return (
            <text key={step.value} x={x} y={y} fontSize={10} textAnchor="middle" fill={theme.colors.text.secondary}>
              {step.value}
            </text>
          );
        })}
      <text
        x={center.cx}
        y={center.cy + size * 0.3}
        fontSize={size}
        fontWeight={500}
        textAnchor="middle"
        fill={display.color ?? theme.colors.text.primary}
      >
        {text}
      </text>
      {title && (
        <text x={center.cx} y={height - 6} fontSize={13} textAnchor="middle" fill={theme.colors.text.primary}>
          {display.title}
        </text>
      )}
    </svg>
  );
}
