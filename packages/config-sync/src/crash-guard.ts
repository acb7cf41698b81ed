import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * As long must a process live for its configuration to be beyond suspicion. A configuration that
 * crashes a router does so when it is put in use or at the first requests; a longer time would
 * rather blame it for kills from outside.
 */
export const healthyAfterMs = 10_000;

/**
 * Deaths in a row within `healthyAfterMs` that make a revision suspect. Two could be an operator
 * or a scheduler in a hurry; a crash loop comes to three by itself.
 */
const suspectDeaths = 3;
const keptSuspects = 5;
const markerName = "boot-attempt.json";

interface Marker {
  /** Position that was in use when this was written; null after a clean end. */
  inUse: string | null;
  /** Deaths for which a position is blamed. */
  deaths: [position: string, count: number][];
}

/**
 * Remembers across restarts which revision was in use when the process died young. After three such
 * deaths the revision is suspect: the one before it is used until a newer one comes or the process
 * has proved healthy. The marker is written before a revision is put in use; without fsync, since
 * it must survive the death of the process only.
 */
export class CrashGuard {
  readonly #file: string;
  readonly #marker: Marker;

  /** Reads the marker that the previous process left in `folder`. */
  constructor(folder: string) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.#file = join(folder, markerName);
    this.#marker = readMarker(this.#file);
    const { inUse } = this.#marker;
    if (inUse === null) return;
    const deaths = new Map(this.#marker.deaths);
    deaths.set(inUse, (deaths.get(inUse) ?? 0) + 1);
    this.#marker.deaths = [...deaths].slice(-keptSuspects);
    this.#marker.inUse = null;
    this.#write();
  }

  /** Whether this revision was in use at three deaths. */
  isSuspect(epoch: bigint, revision: bigint): boolean {
    const deaths = new Map(this.#marker.deaths).get(positionText(epoch, revision)) ?? 0;
    return deaths >= suspectDeaths;
  }

  /** To be called before a revision is put in use. */
  begin(epoch: bigint, revision: bigint): void {
    this.#marker.inUse = positionText(epoch, revision);
    this.#write();
  }

  /** The process is healthy, or ends as it should: nothing is suspect any more. */
  clear(): void {
    this.#marker.inUse = null;
    this.#marker.deaths = [];
    this.#write();
  }

  #write(): void {
    const temporary = `${this.#file}.tmp`;
    writeFileSync(temporary, JSON.stringify(this.#marker), { mode: 0o600 });
    renameSync(temporary, this.#file);
  }
}

function positionText(epoch: bigint, revision: bigint): string {
  return `${epoch}/${revision}`;
}

/** A marker that cannot be read accuses nobody. */
function readMarker(file: string): Marker {
  try {
    const read: unknown = JSON.parse(readFileSync(file, "utf8"));
    const { inUse, deaths } = read as Partial<Marker>;
    if (!Array.isArray(deaths)) return { inUse: null, deaths: [] };
    return {
      inUse: typeof inUse === "string" ? inUse : null,
      deaths: deaths.filter(
        ([position, count]) => typeof position + typeof count === "stringnumber",
      ),
    };
  } catch {
    return { inUse: null, deaths: [] };
  }
}
