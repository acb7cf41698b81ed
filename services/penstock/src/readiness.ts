import type { Bus } from "@penstock/bus";
import type { SnapshotFollower } from "@penstock/config-sync";
import type { HealthComponent, HealthRegistry, HealthReport } from "@penstock/runtime";

/** What a process is ready by. */
export interface ReadinessSources {
  /** Of its services, by role. */
  readonly services: Readonly<Record<string, Pick<HealthRegistry, "report"> | undefined>>;
  /** Absent where the router judges for itself: it serves without the bus. */
  readonly bus?: Pick<Bus, "connected"> | undefined;
  /** Absent where nobody follows the configuration. */
  readonly configuration?: Pick<SnapshotFollower, "current"> | undefined;
}

/** Whether a process is ready as a whole, and by which parts, as of now. */
export function readinessOf({ services, bus, configuration }: ReadinessSources): HealthReport {
  const components: HealthComponent[] = Object.entries(services).flatMap(([role, health]) =>
    (health?.report().components ?? []).map((part) => ({ ...part, name: `${role} ${part.name}` })),
  );
  if (bus !== undefined)
    components.push(part("bus", bus.connected(), "not connected; tried again"));
  if (configuration !== undefined) {
    const isThere = configuration.current() !== undefined;
    components.push(part("configuration", isThere, "none was received yet"));
  }
  return { ready: components.every(({ state }) => state === "ready"), components };
}

function part(name: string, isReady: boolean, detail: string): HealthComponent {
  return isReady ? { name, state: "ready", detail: "" } : { name, state: "not_ready", detail };
}
