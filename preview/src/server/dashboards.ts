import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, sep } from 'node:path';

export interface DashboardEntry {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly tags: readonly string[];
  /** The folder that Grafana shows it in. */
  readonly folder: string;
}

interface Read {
  readonly modified: number;
  readonly entry: DashboardEntry | undefined;
}

/** Grafana's provisioning puts all of them into this folder, as does an entry that lies in no folder of its own here. */
const FOLDER = 'Clinic';

/** The dashboards of a folder, as they are on disk at the moment they are asked for. */
export function dashboardsIn(folder: string) {
  const known = new Map<string, Read>();

  function read(file: string): DashboardEntry | undefined {
    const path = join(folder, file);
    const modified = statSync(path).mtimeMs;
    const before = known.get(file);
    if (before?.modified === modified) return before.entry;
    const entry = entryOf(readFileSync(path, 'utf8'), file);
    known.set(file, { modified, entry });
    return entry;
  }

  const files = () =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.json'))
      .sort();

  return {
    list: (): DashboardEntry[] => files().flatMap((file) => read(file) ?? []),
    /** The text of the dashboard's file. */
    text(uid: string): string | undefined {
      const file = files().find((one) => read(one)?.uid === uid);
      return file === undefined ? undefined : readFileSync(join(folder, file), 'utf8');
    },
    /** Files that are no dashboards, which Grafana would refuse. */
    unreadable: (): string[] => files().filter((file) => read(file) === undefined),
  };
}

function entryOf(text: string, file: string): DashboardEntry | undefined {
  try {
    const { uid, title, description, tags } = JSON.parse(text) as Record<string, unknown>;
    if (typeof uid !== 'string' || typeof title !== 'string') return undefined;
    const own = file.split(sep).slice(0, -1).join(' / ');
    return {
      uid,
      title,
      description: typeof description === 'string' ? description : '',
      tags: Array.isArray(tags) ? tags.filter((tag) => typeof tag === 'string') : [],
      folder: own || FOLDER,
    };
  } catch {
    return undefined;
  }
}
