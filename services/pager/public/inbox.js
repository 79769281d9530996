import { clock, duration, took } from './words.js';

/**
 * @typedef {{
 *   id: string, alertname: string, title: string, labels: Record<string, string>, status: 'firing' | 'resolved',
 *   starts_at: string, received_at: string, last_received_at: string, resolved_at: string | null,
 *   acknowledged_by: string | null, acknowledged_at: string | null, time_to_page_ms: number, value: number | null,
 *   limit: number | null, event_limit_ms: number | null, summary: string | null, description: string | null,
 *   runbook_url: string | null, dashboard_url: string | null, notifications: number }} Page
 * @typedef {{ duration_ms: number, threshold_ms: number, route: string | null, recorded_at: string,
 *   trace_url: string | null }} SlowEvent
 * @typedef {{ now: string, watchdog: { state: 'alive' | 'waiting' | 'silent', since: string,
 *   last_sign_of_life: string | null, silence_seconds: number } }} Status
 * @typedef {{ element: HTMLElement, update: (page: Page) => void, tick: () => void }} Card
 */

const NAME = 'on-call-name';
const SOUND = 'on-call-sound';
const SHOWN_EVENTS = 8;
/** The pager sends a heartbeat every 15 s; two missed ones and a bit mean that the connection is dead. */
const DEAF_MS = 40_000;
/** A connection that is back at once is nobody's concern. */
const CUT_OFF_MS = 4000;

/** @template {HTMLElement} [E=HTMLElement] @param {ParentNode} parent @param {string} selector @returns {E} */
const find = (parent, selector) => /** @type {E} */ (parent.querySelector(selector));
/** @param {string} id */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
/** @param {string} id @returns {HTMLElement} */
const fromTemplate = (id) =>
  /** @type {HTMLElement} */ (/** @type {HTMLTemplateElement} */ (byId(id)).content.firstElementChild?.cloneNode(true));
/** Writes only what differs, so that a screen reader is not told the same again. @param {Element} element @param {string} text */
const write = (element, text) => {
  if (element.textContent !== text) element.textContent = text;
};

/** @type {Map<string, Page>} */
const pages = new Map();
/** @type {Map<string, Page>} */
const tickets = new Map();
/** @type {Map<string, Card>} */
const pageCards = new Map();
/** @type {Map<string, Card>} */
const ticketCards = new Map();
/** Pages that ended while they were being looked at: they stay until the filter is used. @type {Set<string>} */
const watched = new Set();
/** @type {Status | undefined} */
let status;
let filter = 'firing';
/** Milliseconds by which the pager's clock is ahead of this device's. */
let clockAhead = 0;
const now = () => Date.now() + clockAhead;

/** @param {Page} page */
const fires = (page) => page.status === 'firing';

// Runbooks ------------------------------------------------------------------------------------------------------

/** Shows a runbook in place when its place is opened for the first time. @param {HTMLElement} place @param {string} alertname */
function runbookInPlace(place, alertname) {
  const body = find(place, '.runbook');
  place.addEventListener('toggle', async () => {
    if (!(/** @type {HTMLDetailsElement} */ (place).open) || body.dataset.loaded === 'true') return;
    write(body, 'Loading the runbook…');
    try {
      const response = await fetch(`/runbooks/${encodeURIComponent(alertname)}`);
      const runbook =
        response.ok && new DOMParser().parseFromString(await response.text(), 'text/html').querySelector('.runbook');
      if (!runbook) {
        write(body, 'There is no runbook for this alert.');
        return;
      }
      const alone = document.createElement('a');
      alone.href = response.url;
      alone.target = '_blank';
      alone.textContent = 'Open it on its own';
      body.replaceChildren(...runbook.childNodes, alone);
      body.dataset.loaded = 'true';
    } catch {
      write(body, 'The runbook could not be loaded. Close this and open it again.');
    }
  });
}

/** Where to look, at the time of the page. @param {HTMLElement} card @param {Page} page */
function linkDashboard(card, { dashboard_url }) {
  const place = find(card, '.dashboard');
  place.hidden = dashboard_url === null;
  if (dashboard_url === null || place.querySelector('a')?.href === dashboard_url) return;
  const link = document.createElement('a');
  link.href = dashboard_url;
  link.target = '_blank';
  link.textContent = 'Dashboard: where to look';
  place.replaceChildren(link);
}

// Pages ---------------------------------------------------------------------------------------------------------

/** What stands after the value. @param {Page} page */
function against({ limit, event_limit_ms }) {
  const bound = limit === null ? '' : `, limit ${limit}`;
  return event_limit_ms === null ? bound : ` in one hour${bound} (slow: over ${took(event_limit_ms)})`;
}

/** @param {Page} first @returns {Card} */
function pageCard(first) {
  const element = fromTemplate('page-template');
  const form = /** @type {HTMLFormElement} */ (find(element, 'form'));
  const input = /** @type {HTMLInputElement} */ (find(form, 'input'));
  const problem = find(form, '.form-problem');
  const more = /** @type {HTMLDetailsElement} */ (find(element, '.more'));
  let page = first;
  let takingOver = false;
  element.id = `page-${first.id}`;
  input.value = localStorage.getItem(NAME) ?? '';
  more.open = fires(first);
  runbookInPlace(find(element, '.runbook-place'), first.alertname);

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const name = input.value.trim();
    problem.hidden = true;
    try {
      const response = await fetch(`/api/pages/${page.id}/acknowledge`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ name, take_over: takingOver }),
      });
      const answer = await response.json();
      if (!response.ok) throw new Error(answer.detail);
      localStorage.setItem(NAME, name);
      takingOver = false;
      upsert(pages, answer);
      render();
      element.focus();
    } catch (error) {
      const reached = error instanceof Error && !(error instanceof TypeError);
      write(problem, reached ? error.message : 'Not acknowledged: the inbox could not be reached. Try again.');
      problem.hidden = false;
    }
  });
  find(element, '.take-over').addEventListener('click', () => {
    takingOver = true;
    show();
    input.focus();
  });
  more.addEventListener('toggle', () => {
    if (more.open) void loadEvents();
  });
  find(element, '.all-events').addEventListener('click', () => {
    element.dataset.events = 'all';
    void loadEvents();
  });

  async function loadEvents() {
    const section = find(element, '.events');
    section.hidden = !page.labels.metric;
    if (section.hidden) return;
    /** @type {SlowEvent[] | null} */
    let events = null;
    let trouble = 'The slow events could not be loaded: the inbox could not be reached.';
    try {
      const response = await fetch(`/api/pages/${page.id}`);
      ({ slow_events: events, slow_events_problem: trouble } = await response.json());
    } catch {}
    const all = events ?? [];
    const shown = element.dataset.events === 'all' ? all : all.slice(0, SHOWN_EVENTS);
    write(
      find(section, 'h3'),
      events ? `Slow events ${fires(page) ? 'in the last hour' : 'behind it'}: ${all.length}` : 'Slow events',
    );
    write(find(section, '.events-problem'), events ? '' : trouble);
    find(section, 'ol').replaceChildren(...shown.map(eventItem));
    const rest = find(section, '.all-events');
    rest.hidden = shown.length === all.length;
    write(rest, `Show all ${all.length}`);
  }

  function show() {
    const firing = fires(page);
    const by = page.acknowledged_by;
    const state = firing ? (by === null ? 'unacknowledged' : 'acknowledged') : 'resolved';
    element.dataset.state = state;
    element.setAttribute('aria-label', `${page.title}, ${state}`);
    write(
      find(element, '.state'),
      {
        unacknowledged: 'Page · firing · nobody is on it',
        acknowledged: 'Page · firing · acknowledged',
        resolved: 'Resolved',
      }[state],
    );
    write(find(element, '.title'), page.title);
    find(element, '.count').hidden = page.value === null;
    write(find(element, '.value'), String(page.value));
    write(find(element, '.against'), against(page));
    form.hidden = !(firing && (by === null || takingOver));
    write(find(form, 'button'), takingOver ? 'Take over' : 'Acknowledge');
    find(element, '.acknowledged').hidden = by === null || takingOver;
    find(element, '.take-over').hidden = !firing;
    write(find(element, '.summary-text'), page.summary ?? '');
    write(find(element, '.description'), page.description ?? '');
    linkDashboard(element, page);
    write(find(element, '.arrival'), `Arrived after ${took(page.time_to_page_ms)}`);
    const times = page.notifications === 1 ? 'once' : `${page.notifications} times`;
    const last = clock(Date.parse(page.last_received_at), { now: now(), seconds: true });
    write(find(element, '.told'), `Alertmanager told it ${times}, last at ${last}.`);
    find(element, '.labels').replaceChildren(
      ...Object.entries(page.labels).flatMap(([name, value]) => {
        const [term, text] = [document.createElement('dt'), document.createElement('dd')];
        term.textContent = name;
        text.textContent = value;
        return [term, text];
      }),
    );
    tick();
  }

  function tick() {
    const start = Date.parse(page.starts_at);
    const end = page.resolved_at === null ? now() : Date.parse(page.resolved_at);
    const since = clock(start, { now: now(), seconds: true });
    write(find(element, '.age'), fires(page) ? `For ${duration(end - start)}` : `Lasted ${duration(end - start)}`);
    const until = clock(end, { now: now(), seconds: true });
    write(find(element, '.when'), fires(page) ? `since ${since}` : `from ${since} to ${until}`);
    if (page.acknowledged_by !== null && page.acknowledged_at !== null) {
      const ago = duration(now() - Date.parse(page.acknowledged_at));
      write(find(element, '.acknowledged-words'), `Acknowledged by ${page.acknowledged_by}, ${ago} ago.`);
    }
  }

  show();
  return {
    element,
    tick,
    update: (next) => {
      const ended = fires(page) && !fires(next);
      page = next;
      if (ended) takingOver = false;
      show();
      if (more.open) void loadEvents();
    },
  };
}

/** @param {SlowEvent} event */
function eventItem({ duration_ms, route, recorded_at, trace_url }) {
  const item = fromTemplate('event-template');
  const at = clock(Date.parse(recorded_at), { now: now(), seconds: true });
  write(find(item, '.duration'), took(duration_ms));
  write(find(item, '.route'), route ?? 'unknown route');
  write(find(item, 'time'), at);
  const link = /** @type {HTMLAnchorElement} */ (find(item, 'a'));
  if (trace_url === null) link.replaceWith('none');
  else {
    link.href = trace_url;
    link.setAttribute('aria-label', `Trace of ${at}, ${took(duration_ms)}`);
  }
  return item;
}

// Tickets -------------------------------------------------------------------------------------------------------

/** @param {Page} first @returns {Card} */
function ticketCard(first) {
  const element = fromTemplate('ticket-template');
  let ticket = first;
  runbookInPlace(find(element, '.runbook-place'), first.alertname);
  const tick = () => {
    const since = clock(Date.parse(ticket.starts_at), { now: now() });
    write(find(element, '.age'), `for ${duration(now() - Date.parse(ticket.starts_at))}, since ${since}`);
  };
  const show = () => {
    linkDashboard(element, ticket);
    write(find(element, '.title'), ticket.title);
    write(find(element, '.summary-text'), ticket.summary ?? '');
    write(find(element, '.description'), ticket.description ?? '');
    tick();
  };
  show();
  return {
    element,
    tick,
    update: (next) => {
      ticket = next;
      show();
    },
  };
}

// The whole -----------------------------------------------------------------------------------------------------

/**
 * Makes a list show these cards in this order. Cards that stay are not moved, so that focus and what is typed stay.
 * @param {HTMLElement} list @param {readonly Page[]} shown @param {Map<string, Card>} cards @param {(page: Page) => Card} make
 */
function arrange(list, shown, cards, make) {
  const wanted = new Set(shown.map(({ id }) => id));
  for (const [id, card] of cards) {
    if (wanted.has(id)) continue;
    card.element.remove();
    cards.delete(id);
  }
  let next = list.firstElementChild;
  for (const page of shown) {
    const card = cards.get(page.id) ?? make(page);
    cards.set(page.id, card);
    if (card.element === next) next = next.nextElementSibling;
    else list.insertBefore(card.element, next);
  }
}

/** What fires comes first. @param {Page} a @param {Page} b */
const newestFirst = (a, b) =>
  Number(fires(b)) - Number(fires(a)) ||
  Date.parse(b.received_at) - Date.parse(a.received_at) ||
  Number(b.id) - Number(a.id);

function render() {
  const all = [...pages.values()].sort(newestFirst);
  const firing = all.filter(fires);
  const shown = filter === 'all' ? all : all.filter((page) => fires(page) || watched.has(page.id));
  for (const { id } of firing) watched.add(id);
  arrange(byId('pages'), shown, pageCards, pageCard);
  write(byId('firing-count'), String(firing.length));
  write(byId('all-count'), String(all.length));

  const open = [...tickets.values()].filter(fires).sort(newestFirst);
  byId('tickets').hidden = open.length === 0;
  arrange(byId('ticket-list'), open, ticketCards, ticketCard);
  tick();
}

function tick() {
  for (const card of [...pageCards.values(), ...ticketCards.values()]) card.tick();
  const firing = [...pages.values()].filter(fires).length;
  const cutOff = status !== undefined && deafSince !== undefined && Date.now() - deafSince > CUT_OFF_MS;
  const silent = status?.watchdog.state === 'silent';
  byId('offline').hidden = !cutOff;
  write(byId('offline-since'), clock(lastHeard, { now: Date.now(), seconds: true }));
  byId('silence').hidden = !silent;
  if (status) silence(status.watchdog);
  document.title = `${silent || cutOff ? '(!) ' : firing > 0 ? `(${firing}) ` : ''}On-call inbox`;
  calm(firing, cutOff);
}

/** @param {Status['watchdog']} watchdog */
function silence({ since, last_sign_of_life: last }) {
  const at = clock(Date.parse(since), { now: now() });
  write(byId('silence-title'), last === null ? 'Alerting has not been heard yet' : 'Alerting is silent');
  write(
    byId('silence-words'),
    last === null
      ? `This inbox has listened since ${at}, and Alertmanager has never called. Until it does, pages cannot arrive.`
      : `No sign of life since ${at}. Pages may not arrive.`,
  );
}

/** @param {number} firing @param {boolean} cutOff */
function calm(firing, cutOff) {
  byId('calm').hidden = firing > 0 || status === undefined;
  if (!status) return;
  const { state, last_sign_of_life: last } = status.watchdog;
  const asleep = state === 'alive' && !cutOff;
  byId('calm').dataset.state = asleep ? 'asleep' : 'unsure';
  write(
    byId('calm-words'),
    asleep
      ? 'No page. On-call can sleep.'
      : cutOff || state === 'silent'
        ? 'No page is known. That says nothing until alerting is heard again.'
        : 'No page so far. None can arrive yet.',
  );
  const at = last === null ? undefined : Date.parse(last);
  write(
    byId('calm-sign'),
    at === undefined
      ? 'Alertmanager has not been heard yet. After a start it may still be on its way: npm run status tells.'
      : `Last sign of life of alerting: ${clock(at, { now: now(), seconds: true })}, ${duration(now() - at)} ago.`,
  );
}

/** @param {Map<string, Page>} into @param {Page} page */
function upsert(into, page) {
  into.set(page.id, page);
  (into === pages ? pageCards : ticketCards).get(page.id)?.update(page);
}

/** @param {Status} next */
function setStatus(next) {
  status = next;
  clockAhead = Date.parse(next.now) - Date.now();
}

// Sound and notifications ---------------------------------------------------------------------------------------

/** @type {AudioContext | undefined} */
let audio;

function sound() {
  audio ??= new AudioContext();
  for (const [index, pitch] of [880, 660, 880, 660].entries()) {
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    tone.frequency.value = pitch;
    volume.gain.value = 0.2;
    tone.connect(volume).connect(audio.destination);
    tone.start(audio.currentTime + index * 0.3);
    tone.stop(audio.currentTime + index * 0.3 + 0.25);
  }
}

/** @param {Page} page */
function announce(page) {
  write(byId('announcement'), `New page: ${page.title}. ${page.summary ?? ''}`);
  if (localStorage.getItem(SOUND) !== 'on') return;
  sound();
  // Phones offer no notifications to a page without a service worker, some not even the constructor.
  try {
    if (document.hidden && Notification.permission === 'granted') {
      new Notification(`Page: ${page.title}`, { body: page.summary ?? '', tag: page.id });
    }
  } catch {}
}

const alertMe = byId('alert-me');
function showSound() {
  const on = localStorage.getItem(SOUND) === 'on';
  alertMe.setAttribute('aria-pressed', String(on));
  write(alertMe, on ? 'Sound is on' : 'Sound is off');
}
alertMe.addEventListener('click', () => {
  const on = localStorage.getItem(SOUND) !== 'on';
  localStorage.setItem(SOUND, on ? 'on' : 'off');
  showSound();
  if (!on) return;
  sound();
  if ('Notification' in window) void Notification.requestPermission();
});
showSound();

// Live ----------------------------------------------------------------------------------------------------------

/** @type {EventSource | undefined} */
let source;
let lastHeard = Date.now();
/** @type {number | undefined} */
let deafSince = Date.now();
let begun = false;

function heard() {
  lastHeard = Date.now();
  deafSince = undefined;
  const connection = byId('connection');
  connection.dataset.state = 'live';
  write(connection, 'Live');
}

function deaf() {
  deafSince ??= Date.now();
  const connection = byId('connection');
  connection.dataset.state = 'cut';
  write(connection, 'Cut off');
}

/** @param {MessageEvent<string>} event @param {(data: never) => void} use */
function take(event, use) {
  heard();
  use(/** @type {never} */ (JSON.parse(event.data)));
  render();
}

function listen() {
  source?.close();
  source = new EventSource('/events');
  source.addEventListener('open', heard);
  source.addEventListener('heartbeat', heard);
  source.addEventListener('error', deaf);
  source.addEventListener('state', (event) =>
    take(event, (/** @type {{ status: Status, pages: Page[], tickets: Page[] }} */ state) => {
      setStatus(state.status);
      const unknown = state.pages.filter(
        (page) => fires(page) && !(pages.has(page.id) && fires(/** @type {Page} */ (pages.get(page.id)))),
      );
      for (const [known, told] of /** @type {const} */ ([
        [pages, state.pages],
        [tickets, state.tickets],
      ])) {
        const ids = new Set(told.map(({ id }) => id));
        for (const id of known.keys()) if (!ids.has(id)) known.delete(id);
        for (const page of told) upsert(known, page);
      }
      if (begun) unknown.forEach(announce);
      else begin();
    }),
  );
  source.addEventListener('page', (event) =>
    take(event, (/** @type {Page} */ page) => {
      const before = pages.get(page.id);
      upsert(pages, page);
      if (fires(page) && !(before && fires(before))) announce(page);
    }),
  );
  source.addEventListener('ticket', (event) => take(event, (/** @type {Page} */ ticket) => upsert(tickets, ticket)));
  source.addEventListener('status', (event) => take(event, setStatus));
}

/** A link to a page (`/#12`) opens it, whatever its state. */
function openLinked() {
  const page = pages.get(location.hash.slice(1));
  if (!page) return;
  if (!fires(page)) choose('all');
  const element = byId(`page-${page.id}`);
  /** @type {HTMLDetailsElement} */ (find(element, '.more')).open = true;
  element.scrollIntoView();
  element.focus();
}

function begin() {
  begun = true;
  render();
  openLinked();
}

/** @param {string} value */
function choose(value) {
  filter = value;
  /** @type {HTMLInputElement} */ (find(document, `input[name=filter][value=${value}]`)).checked = true;
  watched.clear();
  render();
}

for (const input of document.querySelectorAll('input[name=filter]')) {
  input.addEventListener('change', () => choose(/** @type {HTMLInputElement} */ (input).value));
}
window.addEventListener('hashchange', openLinked);
for (const place of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('.runbook-place[data-alert]'))) {
  runbookInPlace(place, place.dataset.alert ?? '');
}
document.addEventListener('visibilitychange', () => {
  if (!document.hidden && Date.now() - lastHeard > DEAF_MS / 2) listen();
});
setInterval(() => {
  const given = source?.readyState === EventSource.CLOSED;
  const silentFor = Date.now() - lastHeard;
  if (given || silentFor > DEAF_MS) {
    deaf();
    // Not more often than every 3 s.
    if (Math.floor(silentFor / 1000) % 3 === 0) listen();
  }
  tick();
}, 1000);
listen();
