import {
  type dataLayers,
  type SceneComponentProps,
  SceneObjectBase,
  type SceneObjectRef,
  type SceneObjectState,
} from '@grafana/scenes';

type Layer = dataLayers.AnnotationsDataLayer;

interface EventControlsState extends SceneObjectState {
  /** They belong to the set. */
  readonly layers: readonly SceneObjectRef<Layer>[];
}

function EventSwitch({ layer }: { layer: Layer }) {
  const { name, isHidden } = layer.useState();
  if (isHidden) return null;
  return (
    <div className="event-switch">
      <span>{name}</span>
      <layer.Component model={layer} />
    </div>
  );
}

/** A switch for each kind of event, with its name; Grafana's published one for a set of layers names only the set. */
export class EventControls extends SceneObjectBase<EventControlsState> {
  static Component = ({ model }: SceneComponentProps<EventControls>) => (
    <>
      {model.useState().layers.map((ref) => (
        <EventSwitch key={ref.resolve().state.key} layer={ref.resolve()} />
      ))}
    </>
  );
}
