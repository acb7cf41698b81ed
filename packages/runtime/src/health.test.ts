import { describe, expect, it } from "vitest";
import { HealthRegistry } from "./health.ts";
import type { HealthReport } from "./health.ts";

describe("HealthRegistry", () => {
  it("is ready when every expected part said so, and not before", () => {
    const health = new HealthRegistry(["listeners", "snapshot"]);
    health.set("listeners", "ready");
    expect(health.ready()).toBe(false);
    health.set("snapshot", "ready", "revision 7");
    expect(health.ready()).toBe(true);
    health.set("drain", "not_ready", "draining");
    expect(health.report()).toEqual({
      ready: false,
      components: [
        { name: "listeners", state: "ready", detail: "" },
        { name: "snapshot", state: "ready", detail: "revision 7" },
        { name: "drain", state: "not_ready", detail: "draining" },
      ],
    });
  });

  it("is not ready while nothing is known", () => {
    expect(new HealthRegistry().ready()).toBe(false);
  });

  it("tells listeners of changes only, until they leave", () => {
    const health = new HealthRegistry(["a"]);
    const reports: HealthReport[] = [];
    const leave = health.onChange((report) => reports.push(report));
    health.set("a", "ready");
    health.set("a", "ready");
    leave();
    health.set("a", "not_ready");
    expect(reports.map((report) => report.ready)).toEqual([true]);
  });
});
