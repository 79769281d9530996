import { type ReactNode, useEffect, useId, useRef } from 'react';

interface DialogProps {
  readonly title: string;
  readonly children: ReactNode;
  /** Called when it was closed, by the Escape key too. */
  closed(): void;
}

/** A modal window while it is mounted; the browser keeps the focus inside and gives it back afterwards. */
export function Dialog({ title, children, closed }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const before = document.activeElement;
    const { current } = dialog;
    current?.showModal();
    // The browser would choose the button that closes it.
    current?.querySelector<HTMLElement>('input, select, textarea')?.focus();
    return () => {
      current?.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      aria-labelledby={id}
      onCancel={(event) => {
        if (event.target !== event.currentTarget) return; // of a file input inside
        event.preventDefault();
        closed();
      }}
    >
      <div className="dialog-top">
        <h2 id={id}>{title}</h2>
        <button type="button" className="close" aria-label="Close" onClick={closed}>
          <span aria-hidden="true">×</span>
        </button>
      </div>
      {children}
    </dialog>
  );
}
