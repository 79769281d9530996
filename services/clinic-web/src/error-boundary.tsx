import { Component, type ReactNode } from 'react';
import { useLocation } from 'react-router';
import { Page } from './page.tsx';

/** A page that breaks does not take the navigation with it; the next page begins anew. */
export function ErrorBoundary({ children }: { readonly children: ReactNode }) {
  return <Boundary key={useLocation().pathname}>{children}</Boundary>;
}

class Boundary extends Component<{ readonly children: ReactNode }, { readonly broken: boolean }> {
  override state = { broken: false };

  static getDerivedStateFromError() {
    return { broken: true };
  }

  override render() {
    if (!this.state.broken) return this.props.children;
    return (
      <Page title="Error" heading="Something went wrong on this page">
        <p className="muted">It has been reported, without anything that was on the page.</p>
        <p className="after">
          <button type="button" onClick={() => this.setState({ broken: false })}>
            Try again
          </button>
        </p>
      </Page>
    );
  }
}
