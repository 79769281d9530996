import { useEffect } from 'react';
import { useParams, useSearchParams } from 'react-router-dom';
import { TraceView } from '../explore/trace-view.tsx';

export function TracePage() {
  const { id = '' } = useParams();
  const [search] = useSearchParams();
  useEffect(() => {
    document.title = 'Trace - preview';
  }, []);
  return (
    <main className="page">
      <TraceView key={id} id={id} span={search.get('span') ?? undefined} />
    </main>
  );
}
