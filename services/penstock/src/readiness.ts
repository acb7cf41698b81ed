import type { Bus } from "@penstock/bus";
import type { SnapshotFollower } from "@penstock/config-sync";
import type { HealthComponent, HealthRegistry, HealthReport } from "@penstock/runtime";

/** What a process is ready by. */
export interface ReadinessSources {
  /** Of its services, by role. */
  readonly services: Readonly<Record<string, Pick<HealthRegistry, "report"> | undefined>>;
  /** Told of, and no more: every role serves without it, and balancers must not turn away. */
  readonly bus: Pick<Bus, "connected">;
  /** Absent where nobody follows the configuration. */
  readonly configuration?: Pick<SnapshotFollower, "current"> | undefined;
}

/** Whether a process is ready as a whole, and by which parts, as of now. */
export function readinessOf({ services, bus, configuration }: ReadinessSources): HealthReport {
  const components: HealthComponent[] = Object.entries(services).flatMap(([role, health]) =>
    (health?.report().components ?? []).map((part) => ({ ...part, name: `${role} ${part.name}` })),
  );
  const busDetail = bus.connected() ? "" : "not connected; served without it, tried again";
  components.push({ name: "bus", state: "ready", detail: busDetail });
  if (configuration !== undefined) {
    const isThere = configuration.current() !== undefined;
    components.push(
      isThere
        ? { name: "configuration", state: "ready", detail: "" }
        : { name: "configuration", state: "not_ready", detail: "none was received yet" },
    );
  }
  return { ready: components.every(({ state }) => state === "ready"), components };
}
