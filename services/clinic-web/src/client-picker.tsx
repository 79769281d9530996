import { type KeyboardEvent, useEffect, useId, useState } from 'react';
import { type Client, listClients, nameOf, TYPING_PAUSE } from './clients.ts';
import { dayOf } from './dates.ts';

/** A longer list is searched, not read. */
const MOST = 8;

interface ClientPickerProps {
  readonly picked: Client | undefined;
  pick(client: Client | undefined): void;
}

/** A text field that proposes clients: arrow keys choose, Enter picks, Escape closes. */
export function ClientPicker({ picked, pick }: ClientPickerProps) {
  const id = useId();
  const [typed, setTyped] = useState(picked ? nameOf(picked) : '');
  const [found, setFound] = useState<{ readonly search: string; readonly clients: readonly Client[] }>();
  const [failed, setFailed] = useState(false);
  const [isOpen, setOpen] = useState(false);
  const [active, setActive] = useState(-1);

  const search = picked ? '' : typed.trim();
  useEffect(() => {
    setActive(-1);
    setFailed(false);
    if (!search) return;
    const leaving = new AbortController();
    const pause = setTimeout(() => {
      listClients(search, 1, leaving.signal).then(
        ({ clients }) => setFound({ search, clients: clients.slice(0, MOST) }),
        () => leaving.signal.aborted || setFailed(true),
      );
    }, TYPING_PAUSE);
    return () => {
      clearTimeout(pause);
      leaving.abort();
    };
  }, [search]);

  function choose(client: Client) {
    setTyped(nameOf(client));
    setOpen(false);
    pick(client);
  }

  // Whom an earlier text found is not who is meant now.
  const matches = found?.search === search ? found.clients : undefined;
  const options = (isOpen && matches) || [];
  function press(event: KeyboardEvent) {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      setOpen(true);
      const step = event.key === 'ArrowDown' ? 1 : -1;
      if (options.length > 0) setActive((active + step + options.length) % options.length);
    } else if (event.key === 'Enter' && search) {
      event.preventDefault(); // the form is not complete yet
      const chosen = options[active] ?? options[0];
      if (chosen) choose(chosen);
    } else if (event.key === 'Escape' && options.length > 0) {
      event.preventDefault(); // closes the list, not the window around it
      event.stopPropagation();
      setOpen(false);
    }
  }

  return (
    <div className="picker">
      <label htmlFor={id}>Client</label>
      <input
        id={id}
        role="combobox"
        aria-expanded={options.length > 0}
        aria-controls={`${id}-list`}
        aria-autocomplete="list"
        aria-activedescendant={options[active] ? `${id}-${active}` : undefined}
        aria-describedby={`${id}-state`}
        autoComplete="off"
        spellCheck={false}
        required
        maxLength={80}
        placeholder="Begin to type a name"
        value={typed}
        onChange={(event) => {
          setTyped(event.target.value);
          setOpen(true);
          if (picked) pick(undefined);
        }}
        onKeyDown={press}
        onBlur={() => setOpen(false)}
      />
      <div
        className="options"
        id={`${id}-list`}
        role="listbox"
        aria-label="Clients found"
        hidden={options.length === 0}
      >
        {options.map((client, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are those of the text field, which keeps the focus
          // biome-ignore lint/a11y/useFocusableInteractive: as above
          <div
            key={client.id}
            id={`${id}-${index}`}
            role="option"
            aria-selected={index === active}
            onMouseDown={(event) => event.preventDefault()}
            onClick={() => choose(client)}
          >
            {nameOf(client)} <span className="muted">born {dayOf(client.born_on)}</span>
          </div>
        ))}
      </div>
      <p className="hint" id={`${id}-state`} role="status">
        {picked
          ? `Born ${dayOf(picked.born_on)}`
          : failed
            ? 'The clients could not be searched. Type again.'
            : matches
              ? matches.length === 0
                ? 'Nobody by that name.'
                : isOpen
                  ? `${matches.length === MOST ? `The first ${MOST}` : matches.length} found. Arrow keys choose, Enter picks.`
                  : ''
              : ''}
      </p>
    </div>
  );
}
