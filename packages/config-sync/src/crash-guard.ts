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
/** How long a suspect is left out before it gets another chance; twice as long after each death. */
const firstPauseMs = 600_000;
const longestPauseMs = 86_400_000;
const markerName = "boot-attempt.json";

interface Marker {
  /** Position that was in use when this was written; null after a clean end. */
  inUse: string | null;
  /** Deaths for which a position is blamed. */
  deaths: [position: string, count: number][];
}

/**
 * Remembers across restarts which revision was in use when the process died young. After three such
 * deaths the revision is suspect: the one before it is used until a newer one comes, or until the
 * suspect gets another chance. That ends with its first death, or with the proof that it is healthy;
 * how well the process does without it proves nothing. The marker is written before a revision is
 * put in use; without fsync, since it must survive the death of the process only.
 */
export class CrashGuard {
  readonly #file: string;
  readonly #marker: Marker;
  /** What may be used again although it is suspect. */
  #chance: string | undefined;

  /** Reads the marker that the previous process left in `folder`. */
  constructor(folder: string) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.#file = join(folder, markerName);
    this.#marker = readMarker(this.#file);
    const { inUse } = this.#marker;
    if (inUse === null) return;
    const deaths = new Map(this.#marker.deaths);
    const count = (deaths.get(inUse) ?? 0) + 1;
    deaths.delete(inUse);
    this.#marker.deaths = [...deaths.set(inUse, count)].slice(-keptSuspects);
    this.#marker.inUse = null;
    this.#write();
  }

  /** Whether this revision was in use at three deaths and has no other chance now. */
  isSuspect(epoch: bigint, revision: bigint): boolean {
    const position = positionText(epoch, revision);
    return position !== this.#chance && this.#deathsOf(position) >= suspectDeaths;
  }

  /** How long a suspect is left out: 10 minutes, then twice as long each time, up to a day. */
  pauseMs(epoch: bigint, revision: bigint): number {
    const chances = Math.max(0, this.#deathsOf(positionText(epoch, revision)) - suspectDeaths);
    return Math.min(longestPauseMs, firstPauseMs * 2 ** chances);
  }

  /** A suspect may be used once more; its next death makes it suspect at once. */
  giveChance(epoch: bigint, revision: bigint): void {
    this.#chance = positionText(epoch, revision);
  }

  /** To be called before a revision is put in use. */
  begin(epoch: bigint, revision: bigint): void {
    this.#marker.inUse = positionText(epoch, revision);
    this.#write();
  }

  /** What is in use has lived long enough: it is blamed for nothing any more. */
  provedHealthy(): void {
    const { deaths, inUse } = this.#marker;
    this.#marker.deaths = deaths.filter(([position]) => position !== inUse);
    this.end();
  }

  /** The process ends as it should, or is past the time in which a death would count. */
  end(): void {
    this.#marker.inUse = null;
    this.#write();
  }

  #deathsOf(position: string): number {
    return new Map(this.#marker.deaths).get(position) ?? 0;
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
