/**
 * @typedef {{ check: string, state: string, message: string, latency_ms: number | null, checked_at: string | null, since: string | null, flapping: boolean }} Check
 * @typedef {{ base_at: string | null, wal_at: string | null, documents_at: string | null, offsite_at: string | null, verified_at: string | null, restored_at: string | null, recovery_time_ms: number | null, recovery_time_target_ms: number, recovery_point_ms: number | null, recovery_point_target_ms: number }} Backups
 * @typedef {{ now: string, state: string, checks: Check[], backups: Backups, integrity: Record<string, number> }} Health
 * @typedef {{ state: string, name: string, message: string, when: string }} Line
 */

const REFRESH_MS = 5_000;
const DAY_MS = 86_400_000;

const byId = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));

const WORDS = /** @type {Record<string, string>} */ ({
  healthy: 'Healthy',
  degraded: 'Degraded',
  down: 'Down',
  unknown: 'Unknown',
});

const NAMES = /** @type {Record<string, string>} */ ({
  database: 'Database',
  wal_archive: 'Change archive',
  email: 'E-mail',
  storage: 'Documents',
  mass_deletion: 'Nothing deleted',
  immutable_rows: 'Signed notes, audit log',
  page_checksums: 'Pages on the disk',
  document_content: 'Content of documents',
});

/** @param {number} ms */
function duration(ms) {
  const seconds = Math.round(ms / 1000);
  if (seconds < 1) return `${Math.round(ms)} ms`;
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}

/** @param {HTMLElement} list @param {Line[]} lines */
function show(list, lines) {
  const template = /** @type {HTMLTemplateElement} */ (byId('check-template'));
  list.replaceChildren(
    ...lines.map(({ state, name, message, when }) => {
      const item = /** @type {HTMLElement} */ (template.content.firstElementChild?.cloneNode(true));
      const write = (/** @type {string} */ selector, /** @type {string} */ text) => {
        const element = item.querySelector(selector);
        if (element) element.textContent = text;
        return element;
      };
      write('.state', WORDS[state] ?? state)?.setAttribute('data-state', state);
      write('.name', name);
      write('.message', message);
      write('.when', when);
      return item;
    }),
  );
}

/** @param {Health} health */
function render({ now, state, checks, backups, integrity }) {
  const overall = byId('overall');
  overall.dataset.state = state;
  overall.textContent = state === 'healthy' ? 'All is well' : (WORDS[state] ?? state);
  document.title = `${state === 'healthy' ? '' : `(${WORDS[state]}) `}Clinic health`;
  const time = Date.parse(now);
  const ago = (/** @type {string | null} */ at) => (at === null ? 'never' : `${duration(time - Date.parse(at))} ago`);
  show(
    byId('checks'),
    checks.map((check) => ({
      state: check.state,
      name: NAMES[check.check] ?? check.check,
      message: check.message,
      when: check.latency_ms === null ? '' : `${duration(check.latency_ms)}, ${ago(check.checked_at)}`,
    })),
  );
  /** @param {string | null} at @param {number} fresh */
  const freshness = (at, fresh) => (at === null ? 'unknown' : time - Date.parse(at) <= fresh ? 'healthy' : 'degraded');
  show(byId('tiers'), [
    {
      state: freshness(backups.base_at, 1.5 * DAY_MS),
      name: '1. It exists',
      message: 'A backup of the whole database, and every change since.',
      when: ago(backups.base_at),
    },
    {
      state: freshness(backups.verified_at, 1.5 * DAY_MS),
      name: '2. It is whole',
      message: 'Every byte is what was written.',
      when: ago(backups.verified_at),
    },
    {
      state: freshness(backups.restored_at, 1.5 * DAY_MS),
      name: '3. It was restored',
      message: 'Started on its own, compared, signed in to, a chart opened.',
      when: ago(backups.restored_at),
    },
    {
      state: freshness(backups.offsite_at, 600_000),
      name: 'Elsewhere',
      message: 'All of it is at another place, too.',
      when: ago(backups.offsite_at),
    },
  ]);
  /** @type {[string, string][]} */
  const figures = [
    [
      'Back after a disaster',
      backups.recovery_time_ms === null
        ? 'not measured'
        : `${duration(backups.recovery_time_ms)} (at most ${duration(backups.recovery_time_target_ms)})`,
    ],
    [
      'Would be lost now',
      backups.recovery_point_ms === null
        ? 'not measured'
        : `${duration(backups.recovery_point_ms)} (at most ${duration(backups.recovery_point_target_ms)})`,
    ],
    ['Documents backed up', ago(backups.documents_at)],
  ];
  byId('figures').replaceChildren(
    ...figures.map(([term, text]) => {
      const [group, dt, dd] = [
        document.createElement('div'),
        document.createElement('dt'),
        document.createElement('dd'),
      ];
      dt.textContent = term;
      dd.textContent = text;
      group.append(dt, dd);
      return group;
    }),
  );
  const names = ['mass_deletion', 'immutable_rows', 'page_checksums', 'document_content'];
  show(
    byId('integrity'),
    names.map((name) => {
      const found = integrity[name];
      return {
        state: found === undefined ? 'unknown' : found === 0 ? 'healthy' : 'down',
        name: NAMES[name] ?? name,
        message:
          found === undefined
            ? 'Not checked since the start.'
            : found === 0
              ? 'As it should be.'
              : `${found} found wrong.`,
        when: '',
      };
    }),
  );
}

/** When the last answer came. */
let heard = Date.now();

async function refresh() {
  try {
    const response = await fetch('/api/health', { cache: 'no-store', signal: AbortSignal.timeout(REFRESH_MS) });
    if (!response.ok) throw new Error(`answered ${response.status}`);
    render(await response.json());
    heard = Date.now();
    byId('cut-off').hidden = true;
  } catch {
    byId('cut-off').hidden = Date.now() - heard < 2 * REFRESH_MS;
    byId('cut-off-since').textContent = new Date(heard).toLocaleTimeString();
    if (!byId('cut-off').hidden) {
      byId('overall').dataset.state = 'unknown';
      byId('overall').textContent = 'Not known';
    }
  }
  setTimeout(refresh, REFRESH_MS);
}
void refresh();
