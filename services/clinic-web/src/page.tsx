import { type ReactNode, useEffect, useRef } from 'react';
import { useLocation, useNavigationType } from 'react-router';

interface PageProps {
  /** What kind of page it is; never who it is about: titles are kept in the browser's history. */
  readonly title: string;
  /** The heading; the title when there is none. */
  readonly heading?: ReactNode;
  /** Above the heading. */
  readonly back?: ReactNode;
  /** Beside the heading. */
  readonly actions?: ReactNode;
  readonly narrow?: boolean;
  readonly children: ReactNode;
}

/** One page: names it, and takes the focus to its heading unless it is the first one of the document. */
export function Page({ title, heading = title, back, actions, narrow = false, children }: PageProps) {
  const { key } = useLocation();
  const isFirst = key === 'default';
  const goesBack = useNavigationType() === 'POP';
  const top = useRef<HTMLHeadingElement>(null);

  useEffect(() => {
    document.title = `${title} · Clinic`;
  }, [title]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: once a page
  useEffect(() => {
    if (isFirst) return;
    top.current?.focus({ preventScroll: true });
    if (!goesBack) window.scrollTo(0, 0);
  }, []);

  return (
    <main className={narrow ? 'page narrow' : 'page'}>
      {back && <p className="back">{back}</p>}
      <div className="heading">
        <h1 ref={top} tabIndex={-1}>
          {heading}
        </h1>
        {actions}
      </div>
      {children}
    </main>
  );
}
