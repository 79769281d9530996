interface PagingProps {
  /** What is listed. */
  readonly of: string;
  readonly list: { readonly page: number; readonly page_size: number; readonly total: number };
  turn(page: number): void;
}

export function Paging({ of, list: { page, page_size: size, total }, turn }: PagingProps) {
  const last = Math.max(1, Math.ceil(total / size));
  if (total === 0) return null;
  return (
    <nav className="paging" aria-label={`Pages of ${of}`}>
      <span className="muted">
        {(page - 1) * size + 1}–{Math.min(page * size, total)} of {total}
      </span>
      {last > 1 && (
        <>
          <button type="button" disabled={page <= 1} onClick={() => turn(page - 1)}>
            Previous
          </button>
          <button type="button" disabled={page >= last} onClick={() => turn(page + 1)}>
            Next
          </button>
        </>
      )}
    </nav>
  );
}
