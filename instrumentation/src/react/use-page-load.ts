import type { PageRoute } from '@clinic/catalogue/routes';
import { useLayoutEffect } from 'react';
import { pageMounted } from '../browser/page-load.ts';
import '../browser/navigation.ts';

/**
 * Records page_load for the page of this route: from the start of the navigation to the paint after `ready` was true for the
 * first time. `ready` means that the user sees what they came for, or why it cannot be shown. When one component shows
 * another client without being mounted anew, `ready` must be false in between (or give the component a `key`).
 */
export function usePageLoad(route: PageRoute, ready: boolean): void {
  useLayoutEffect(() => pageMounted(route, ready), [route, ready]);
}
