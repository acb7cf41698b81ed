/** Whether one part of a service can do its work. */
export type HealthState = "ready" | "not_ready";

/** One line of a readiness report. */
export interface HealthComponent {
  readonly name: string;
  readonly state: HealthState;
  /** What it waits for or what failed; shown to operators, so no secret belongs here. */
  readonly detail: string;
}

/** Readiness of a whole service and of each part. */
export interface HealthReport {
  readonly ready: boolean;
  readonly components: readonly HealthComponent[];
}

/**
 * What a service needs before it may receive traffic. Ready means: something was named, and
 * every named part is ready. Liveness is not kept here: a process that answers is alive, and
 * it must never depend on a neighbour.
 */
export class HealthRegistry {
  readonly #components = new Map<string, HealthComponent>();
  readonly #listeners = new Set<(report: HealthReport) => void>();

  /** `expected` parts count as not ready until they say otherwise. */
  constructor(expected: readonly string[] = []) {
    for (const name of expected) {
      this.#components.set(name, { name, state: "not_ready", detail: "not started" });
    }
  }

  /** Records the state of a part; listeners hear of it only when state or detail changed. */
  set(name: string, state: HealthState, detail = ""): void {
    const known = this.#components.get(name);
    if (known !== undefined && known.state === state && known.detail === detail) return;
    this.#components.set(name, { name, state, detail });
    const report = this.report();
    for (const listener of this.#listeners) listener(report);
  }

  ready(): boolean {
    for (const component of this.#components.values()) {
      if (component.state !== "ready") return false;
    }
    return this.#components.size > 0;
  }

  report(): HealthReport {
    return { ready: this.ready(), components: [...this.#components.values()] };
  }

  /** Calls `listener` after each change; the returned function ends that. */
  onChange(listener: (report: HealthReport) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/**
 * The text of `/readyz`, the same of every process: whether, then a line for each part that is not
 * ready or has something to say.
 */
export function readinessText({ ready, components }: HealthReport): string {
  const told = components.filter(({ state, detail }) => state === "not_ready" || detail !== "");
  const lines = told.map(({ name, detail }) => `${name}: ${detail || "not ready"}\n`);
  return `${ready ? "ok" : "not ready"}\n${lines.join("")}`;
}
