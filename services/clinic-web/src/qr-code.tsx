import { useMemo } from 'react';

/** The paths of an SVG element's text; none when it is something else. Only its numbers are taken over, never its markup. */
function drawing(svg: string): { readonly viewBox: string; readonly paths: readonly string[] } | undefined {
  const root = new DOMParser().parseFromString(svg, 'image/svg+xml').documentElement;
  const viewBox = root.getAttribute('viewBox') ?? '';
  const paths = [...root.querySelectorAll('path')]
    .map((path) => path.getAttribute('d') ?? '')
    .filter((d) => /^[\d\s.,a-z-]+$/i.test(d));
  return /^[\d\s.]+$/.test(viewBox) && paths.length > 0 ? { viewBox, paths } : undefined;
}

/** A QR code that came as SVG, dark on light whatever the colour scheme: some cameras read nothing else. */
export function QrCode({ svg, label }: { readonly svg: string; readonly label: string }) {
  const drawn = useMemo(() => drawing(svg), [svg]);
  if (!drawn) return null;
  return (
    <svg className="qr" viewBox={drawn.viewBox} role="img" aria-label={label} shapeRendering="crispEdges">
      {drawn.paths.map((d) => (
        <path key={d} d={d} />
      ))}
    </svg>
  );
}
