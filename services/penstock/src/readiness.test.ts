import { HealthRegistry } from "@penstock/runtime";
import { describe, expect, it } from "vitest";
import { readinessOf } from "./readiness.ts";

function started(): HealthRegistry {
  const health = new HealthRegistry(["database"]);
  health.set("database", "ready");
  return health;
}

describe("readinessOf", () => {
  it("tells of a bus that is away, and is ready without it", () => {
    const services = { policy: started() };
    const away = readinessOf({ services, bus: { connected: () => false } });
    expect(away.ready).toBe(true);
    expect(away.components).toContainEqual({
      name: "bus",
      state: "ready",
      detail: "not connected; served without it, tried again",
    });
    const there = readinessOf({ services, bus: { connected: () => true } });
    expect(there.components).toContainEqual({ name: "bus", state: "ready", detail: "" });
  });

  it("is not ready without the database or, where it is followed, a configuration", () => {
    const services = { quota: started() };
    const bus = { connected: () => true };
    const lacking = readinessOf({ services, bus, configuration: { current: () => undefined } });
    expect(lacking.ready).toBe(false);
    services.quota.set("database", "not_ready", "refused");
    const report = readinessOf({ services, bus });
    expect(report.ready).toBe(false);
    expect(report.components[0]).toMatchObject({ name: "quota database", detail: "refused" });
  });
});
