import { call, segment } from './api.ts';
import type { Role } from './session.ts';

export const ROLES = {
  clinician: 'Clinician',
  frontdesk: 'Front desk',
  admin: 'Administrator',
} as const satisfies Record<Role, string>;

export interface User {
  readonly id: number;
  readonly email: string;
  readonly name: string;
  readonly role: Role;
  readonly active: boolean;
  readonly second_factor: boolean;
  readonly locked: boolean;
}

export interface NewUser {
  readonly email: string;
  readonly name: string;
  readonly role: Role;
  readonly password: string;
}

export interface UserChange {
  readonly role?: Role;
  readonly active?: boolean;
  readonly unlock?: true;
  readonly reset_second_factor?: true;
}

export const listUsers = (signal: AbortSignal) => call<{ readonly users: readonly User[] }>('/api/users', { signal });
export const createUser = (user: NewUser) => call<User>('/api/users', { method: 'POST', body: user });
export const changeUser = (id: number, change: UserChange) =>
  call<unknown>(`/api/users/${segment(id)}`, { method: 'PATCH', body: change });
