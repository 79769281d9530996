import { type ComponentType, type ReactNode, useEffect, useState } from 'react';
import { Loading } from './notices.tsx';
import { Page } from './page.tsx';

export interface LazyPage<Props> {
  (props: Props): ReactNode;
  /** Loads the code already, for when it will probably be needed. */
  prefetch(): void;
}

/**
 * A page whose code is loaded when it is first shown. Not React.lazy: a fallback that was shown once stays for 300 ms, and that
 * would be most of the time that a page takes.
 */
export function lazyPage<Props extends object>(load: () => Promise<ComponentType<Props>>): LazyPage<Props> {
  let Loaded: ComponentType<Props> | undefined;
  let loading: Promise<void> | undefined;
  function begin(): Promise<void> {
    loading ??= load().then(
      (component) => {
        Loaded = component;
      },
      (error: unknown) => {
        loading = undefined;
        throw error;
      },
    );
    return loading;
  }

  function ShownWhenLoaded(props: Props) {
    const [state, setState] = useState<'loading' | 'loaded' | 'failed'>(Loaded ? 'loaded' : 'loading');
    useEffect(() => {
      let left = false;
      const settle = (result: typeof state) => () => left || setState(result);
      begin().then(settle('loaded'), settle('failed'));
      return () => {
        left = true;
      };
    }, []);
    if (Loaded && state === 'loaded') return <Loaded {...props} />;
    if (state === 'failed') return <NotLoaded />;
    return (
      <div className="page">
        <Loading what="the page" lines={6} />
      </div>
    );
  }
  return Object.assign(ShownWhenLoaded, { prefetch: () => void begin().catch(() => {}) });
}

/** Offline, or the clinic was updated since this tab was opened. */
function NotLoaded() {
  return (
    <Page title="Not loaded">
      <div className="notice bad" role="alert">
        <p>
          <strong>This page could not be loaded.</strong> Check your connection, then load it again.
        </p>
        <button type="button" onClick={() => location.reload()}>
          Load again
        </button>
      </div>
    </Page>
  );
}
