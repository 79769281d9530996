import { usePageLoad, usePerformanceTracking } from '@clinic/instrumentation/react';
import { type FormEvent, useState } from 'react';
import { useAttempt } from './attempt.ts';
import { Dialog } from './dialog.tsx';
import { useLoad } from './load.ts';
import { Failure, Loading, Problem } from './notices.tsx';
import { Page } from './page.tsx';
import { type Role, useSession } from './session.ts';
import { changeUser, createUser, listUsers, ROLES, type User, type UserChange } from './users.ts';

/** Characters; the API refuses a shorter one. */
const SHORTEST_PASSWORD = 12;

const WHY: Readonly<Record<string, string>> = {
  request_invalid: `Enter a name, an e-mail address, and a password of at least ${SHORTEST_PASSWORD} characters.`,
};

export function UsersPage() {
  usePerformanceTracking('UsersPage');
  const { value, error, isSettled, again } = useLoad(listUsers);
  const [open, setOpen] = useState<User | 'new'>();
  const [said, say] = useState('');
  usePageLoad('/users', isSettled);
  const close = () => setOpen(undefined);
  function changed(text: string) {
    close();
    say(text);
    again();
  }

  return (
    <Page
      title="Users"
      actions={
        <button type="button" className="primary" onClick={() => setOpen('new')}>
          Add a user
        </button>
      }
    >
      <p role="status" className={said ? 'notice good top-notice' : 'unseen'}>
        {said}
      </p>
      {error && <Failure what="The users could not be loaded." error={error} again={again} />}
      {!isSettled && <Loading what="the users" lines={5} />}
      {value && <List users={value.users} edit={setOpen} />}
      {open === 'new' && <NewUserDialog closed={close} made={changed} />}
      {open && open !== 'new' && <UserDialog user={open} closed={close} changed={changed} />}
    </Page>
  );
}

function List({ users, edit }: { readonly users: readonly User[]; edit(user: User): void }) {
  return (
    <table className="card rows">
      <caption className="unseen">Users of the practice</caption>
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col" className="wide-only">
            Role
          </th>
          <th scope="col" className="wide-only">
            Second factor
          </th>
          <th scope="col">State</th>
          <th scope="col">
            <span className="unseen">Change</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {users.map((user) => (
          <tr key={user.id}>
            <th scope="row">
              <strong>{user.name}</strong>
              <span className="below">{user.email}</span>
            </th>
            <td className="wide-only">{ROLES[user.role]}</td>
            <td className="wide-only">{user.second_factor ? 'On' : 'Off'}</td>
            <td>
              <StateOf user={user} />
            </td>
            <td className="end">
              <button type="button" onClick={() => edit(user)}>
                Change<span className="unseen"> {user.name}</span>
              </button>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function StateOf({ user: { active, locked } }: { readonly user: User }) {
  if (!active) return <span className="badge">inactive</span>;
  return locked ? <span className="badge open">locked</span> : 'Active';
}

function RoleField({ chosen }: { readonly chosen: Role }) {
  return (
    <>
      <label htmlFor="role">Role</label>
      <select id="role" name="role" defaultValue={chosen}>
        {Object.entries(ROLES).map(([value, label]) => (
          <option key={value} value={value}>
            {label}
          </option>
        ))}
      </select>
    </>
  );
}

function NewUserDialog({ closed, made }: { closed(): void; made(text: string): void }) {
  const { busy, problem, run } = useAttempt(WHY);
  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const field = (name: string) => String(form.get(name) ?? '').trim();
    const user = {
      name: field('name'),
      email: field('email'),
      role: field('role') as Role,
      password: String(form.get('password')),
    };
    if (await run(() => createUser(user))) made('The user is added.');
  }
  return (
    <Dialog title="New user" closed={closed}>
      <form onSubmit={submit}>
        <label htmlFor="name">Name</label>
        <input id="name" name="name" required maxLength={100} autoComplete="off" />
        <label htmlFor="new-email">E-mail</label>
        <input id="new-email" name="email" type="email" required maxLength={254} autoComplete="off" />
        <RoleField chosen="clinician" />
        <label htmlFor="new-password">First password</label>
        <input
          id="new-password"
          name="password"
          type="password"
          required
          minLength={SHORTEST_PASSWORD}
          maxLength={200}
          autoComplete="new-password"
          aria-describedby="password-hint"
        />
        <p className="hint" id="password-hint">
          At least {SHORTEST_PASSWORD} characters; long is better than complicated.
        </p>
        {problem && <Problem>{problem}</Problem>}
        <button type="submit" className="primary wide" disabled={busy}>
          {busy ? 'Adding…' : 'Add user'}
        </button>
      </form>
    </Dialog>
  );
}

interface UserDialogProps {
  readonly user: User;
  closed(): void;
  changed(text: string): void;
}

function UserDialog({ user, closed, changed }: UserDialogProps) {
  const { busy, problem, run } = useAttempt();
  const isSelf = useSession()?.user.id === user.id;
  async function change(what: UserChange, text: string) {
    if (await run(() => changeUser(user.id, what))) changed(text);
  }
  return (
    <Dialog title={user.name} closed={closed}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const role = new FormData(event.currentTarget).get('role') as Role;
          change({ role }, 'The role is changed. The user has to sign in again.');
        }}
      >
        <RoleField chosen={user.role} />
        <div className="buttons">
          <button type="submit" className="primary" disabled={busy}>
            Change the role
          </button>
        </div>
      </form>
      {problem && <Problem>{problem}</Problem>}
      <h3>Account</h3>
      <div className="buttons">
        {user.locked && (
          <button type="button" disabled={busy} onClick={() => change({ unlock: true }, 'The account is unlocked.')}>
            Unlock
          </button>
        )}
        {user.second_factor && (
          <button
            type="button"
            disabled={busy}
            onClick={() => change({ reset_second_factor: true }, 'The second factor is reset.')}
          >
            Reset second factor
          </button>
        )}
        {!isSelf && (
          <button
            type="button"
            className={user.active ? 'danger' : undefined}
            disabled={busy}
            onClick={() =>
              change({ active: !user.active }, user.active ? 'The account is deactivated.' : 'The account is active.')
            }
          >
            {user.active ? 'Deactivate' : 'Activate'}
          </button>
        )}
      </div>
      {user.second_factor && (
        <p className="hint">Reset a second factor only when you are certain who asks: it ends the user's sessions.</p>
      )}
    </Dialog>
  );
}
