import { Link, type LinkProps } from 'react-router';

/** Loads the code of the page that it leads to when it will probably be needed. */
export const PageLink = ({ page, ...link }: LinkProps & { readonly page: { prefetch(): void } }) => (
  <Link {...link} onPointerEnter={page.prefetch} onFocus={page.prefetch} />
);
