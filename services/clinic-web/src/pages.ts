import type { APP_PAGES } from '@clinic/catalogue/apps';
import type { PageRoute } from '@clinic/catalogue/routes';
import { lazyPage } from './lazy-page.tsx';
import type { Role } from './session.ts';

export const DashboardPage = lazyPage(async () => (await import('./dashboard-page.tsx')).DashboardPage);
export const ClientsPage = lazyPage(async () => (await import('./clients-page.tsx')).ClientsPage);
export const ChartPage = lazyPage(async () => (await import('./chart-page.tsx')).ChartPage);
export const SchedulePage = lazyPage(async () => (await import('./schedule-page.tsx')).SchedulePage);
export const NotesPage = lazyPage(async () => (await import('./notes-page.tsx')).NotesPage);
export const NotePage = lazyPage(async () => (await import('./note-page.tsx')).NotePage);
export const DocumentsPage = lazyPage(async () => (await import('./documents-page.tsx')).DocumentsPage);
export const AccountPage = lazyPage(async () => (await import('./account-page.tsx')).AccountPage);
export const UsersPage = lazyPage(async () => (await import('./users-page.tsx')).UsersPage);

const everybody: readonly Role[] = ['clinician', 'frontdesk', 'admin'];

/** Who may see which page: a convenience, since the API refuses what it must. */
export const ROLES_OF: Readonly<Record<Exclude<PageRoute, '/sign-in' | (typeof APP_PAGES)[number]>, readonly Role[]>> =
  {
    '/': everybody,
    '/clients': ['clinician', 'frontdesk'],
    '/clients/:id': ['clinician', 'frontdesk'],
    '/schedule': ['clinician', 'frontdesk'],
    '/notes': ['clinician'],
    '/notes/:id': ['clinician'],
    '/documents': ['clinician', 'frontdesk'],
    '/account': everybody,
    '/users': ['admin'],
  };

/** The main navigation. */
export const NAVIGATION = [
  { route: '/', label: 'Today', page: DashboardPage },
  { route: '/clients', label: 'Clients', page: ClientsPage },
  { route: '/schedule', label: 'Schedule', page: SchedulePage },
  { route: '/notes', label: 'Notes', page: NotesPage },
  { route: '/documents', label: 'Documents', page: DocumentsPage },
  { route: '/users', label: 'Users', page: UsersPage },
] as const;
