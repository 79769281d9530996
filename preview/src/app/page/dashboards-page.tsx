import { Alert, Icon, Input, LoadingPlaceholder, TagList } from '@grafana/ui';
import { useEffect, useState } from 'react';
import { Link, useSearchParams } from 'react-router-dom';
import { type DashboardEntry, dashboardPath, fetchDashboards } from './dashboard-list.ts';

export function DashboardsPage() {
  const [search, setSearch] = useSearchParams();
  const [answer, setAnswer] = useState<{ all: DashboardEntry[] } | { error: string }>();
  useEffect(() => {
    document.title = 'Dashboards - preview';
    fetchDashboards().then(
      (all) => setAnswer({ all }),
      (error: Error) => setAnswer({ error: error.message }),
    );
  }, []);
  if (!answer) return <LoadingPlaceholder text="Loading the dashboards…" className="page" />;
  if ('error' in answer) {
    return (
      <main className="page">
        <Alert severity="error" title="The dashboards cannot be listed">
          {answer.error}
        </Alert>
      </main>
    );
  }
  const words = (search.get('query') ?? '').toLowerCase().split(/\s+/);
  const tags = search.getAll('tag');
  const found = answer.all.filter(({ title, description, tags: own, folder }) => {
    const text = [title, description, folder, ...own].join(' ').toLowerCase();
    return words.every((word) => text.includes(word)) && tags.every((tag) => own.includes(tag));
  });
  const folders = Map.groupBy(found, ({ folder }) => folder);
  const change = (query: string, chosen: readonly string[]) => {
    const next = new URLSearchParams();
    if (query) next.set('query', query);
    for (const tag of chosen) next.append('tag', tag);
    setSearch(next, { replace: true });
  };
  const query = search.get('query') ?? '';
  return (
    <main className="page">
      <h1>Dashboards</h1>
      <Input
        type="search"
        aria-label="Search dashboards"
        placeholder="Search by title, description or tag"
        prefix={<Icon name="search" />}
        autoFocus
        defaultValue={query}
        onChange={(event) => change(event.currentTarget.value, tags)}
      />
      {tags.length > 0 && (
        <p className="muted">
          With the tag{' '}
          {tags.map((tag) => (
            <button
              key={tag}
              type="button"
              className="link"
              onClick={() =>
                change(
                  query,
                  tags.filter((one) => one !== tag),
                )
              }
            >
              {tag} ✕
            </button>
          ))}
        </p>
      )}
      {found.length === 0 && (
        <p className="muted">{answer.all.length === 0 ? 'There are no dashboards yet.' : 'No dashboard matches.'}</p>
      )}
      {[...folders].map(([folder, entries]) => (
        <section key={folder}>
          <h2>
            <Icon name="folder-open" /> {folder}
          </h2>
          <ul className="dashboard-list">
            {entries.map((entry) => (
              <li key={entry.uid}>
                <Link to={dashboardPath(entry)}>{entry.title}</Link>
                <span className="muted">{entry.description}</span>
                <TagList tags={[...entry.tags]} onClick={(tag) => change(query, [...new Set([...tags, tag])])} />
              </li>
            ))}
          </ul>
        </section>
      ))}
    </main>
  );
}
