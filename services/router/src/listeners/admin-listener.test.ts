import { silentObservability } from "@penstock/observability";
import { HealthRegistry } from "@penstock/runtime";
import { expect, it, onTestFinished } from "vitest";
import { startAdminListener } from "./admin-listener.ts";

it("says on /readyz which parts are not ready and why, as every other process does", async () => {
  const health = new HealthRegistry(["listeners", "quota"]);
  const server = await startAdminListener({
    host: "127.0.0.1",
    port: 0,
    routes: () => undefined,
    authenticate: () => Promise.reject(new Error("nobody is asked")),
    observability: silentObservability(),
    health,
  });
  onTestFinished(() => server.close(0));
  const look = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`);
    return [response.status, await response.text()];
  };
  health.set("quota", "not_ready", "another router has this name since epoch 7");
  expect(await look("/readyz?verbose")).toEqual([
    503,
    "not ready\nlisteners: not started\nquota: another router has this name since epoch 7\n",
  ]);
  health.set("listeners", "ready");
  health.set("quota", "ready", "it does not answer");
  expect(await look("/readyz")).toEqual([200, "ok\nquota: it does not answer\n"]);
  health.set("quota", "ready");
  expect(await look("/readyz")).toEqual([200, "ok\n"]);
  expect(await look("/livez")).toEqual([200, "ok\n"]);
});
