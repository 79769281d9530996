import type { ScopedVars } from '@grafana/data';
import { type SceneObject, sceneGraph } from '@grafana/scenes';

type Format = Parameters<typeof sceneGraph.interpolate>[3];

interface SceneReference {
  valueOf(): SceneObject;
}

/** Puts variables in, seen from the panel that the query belongs to; text outside of a dashboard stays as it is. */
export function interpolate(text: string, scopedVars?: ScopedVars, format?: unknown): string {
  const reference = scopedVars?.__sceneObject?.value as SceneReference | undefined;
  if (!reference) return text;
  return sceneGraph.interpolate(reference.valueOf(), text, scopedVars, format as Format);
}
