import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { inheritedEnvironment } from "@penstock/runtime";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { KeptProcess } from "./kept-process.ts";
import { ProcessList } from "./left-behind.ts";
import { lineReader, renderLogLine } from "./merged-log.ts";
import { stopInTurn } from "./stop-in-turn.ts";
import { defaultSuitePorts, planSuite } from "./suite-plan.ts";
import { takeSuiteSecrets } from "./suite-secrets.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "penstock-suite-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const program = `
process.on("SIGTERM", () => { console.log("asked"); process.exit(0); });
console.log("up"); setInterval(() => {}, 1000);`;

function keep(parameters: readonly string[]) {
  const lines: string[] = [];
  const pids: number[] = [];
  const deaths: string[] = [];
  const kept = new KeptProcess({
    name: "part",
    command: process.execPath,
    parameters,
    environment: inheritedEnvironment({}),
    onLine: (line) => lines.push(line),
    onStart: (pid) => pids.push(pid),
    onDeath: (how) => deaths.push(how),
  });
  return { kept, lines, pids, deaths };
}

describe("a part of a suite", () => {
  it("is started again when it dies, and not when it was asked to end", async () => {
    const { kept, lines, pids, deaths } = keep(["-e", program]);
    kept.start();
    await vi.waitFor(() => expect(lines).toEqual(["up"]), 10_000);
    process.kill(pids[0] ?? 0, "SIGKILL");
    await vi.waitFor(() => expect(lines).toEqual(["up", "up"]), 10_000);
    expect(deaths).toEqual(["was ended by SIGKILL"]);
    await kept.stop(5_000);
    expect(lines).toEqual(["up", "up", "asked"]);
    expect(deaths).toHaveLength(1);
    expect(pids).toHaveLength(2);
  });

  it("is ended by the next suite when its own was killed", async () => {
    const script = `${program} // ${folder}`;
    const { kept, lines, pids } = keep(["-e", script]);
    kept.start();
    await vi.waitFor(() => expect(lines).toEqual(["up"]), 10_000);
    new ProcessList(folder).note("part", pids[0] ?? 0);
    expect(await new ProcessList(folder).endLeftBehind(["/somewhere/else"])).toEqual([]);
    expect(await new ProcessList(folder).endLeftBehind([folder])).toEqual(["part"]);
    await kept.stop(5_000);
  });
});

/** Ends only when it is asked twice, as a router with an open stream. */
const patient = `
let asked = 0;
process.on("SIGTERM", () => { console.log("asked"); if (++asked === 2) process.exit(0); });
console.log("up"); setInterval(() => {}, 1000);`;

describe("a suite that stops", () => {
  it("is hurried group by group, and starts nothing again", async () => {
    const router = keep(["-e", patient]);
    const service = keep(["-e", patient]);
    const server = keep(["-e", program]);
    for (const { kept } of [router, service, server]) kept.start();
    for (const { lines } of [router, service, server]) {
      await vi.waitFor(() => expect(lines).toEqual(["up"]), 10_000);
    }
    const hurry = new AbortController();
    const groups = [[router.kept], [service.kept], [server.kept]];
    const stopping = stopInTurn(groups, hurry.signal);
    await vi.waitFor(() => expect(router.lines).toEqual(["up", "asked"]), 10_000);
    // What ends before its turn stays ended.
    process.kill(server.pids[0] ?? 0, "SIGKILL");
    expect(service.lines).toEqual(["up"]);
    hurry.abort();
    await vi.waitFor(() => expect(service.lines.length).toBeGreaterThan(1), 10_000);
    expect(router.lines).toEqual(["up", "asked", "asked"]);
    await stopping;
    expect(service.lines).toEqual(["up", "asked", "asked"]);
    for (const { pids, deaths } of [router, service, server]) {
      expect(pids).toHaveLength(1);
      expect(deaths).toEqual([]);
    }
  });
});

describe("the plan of a suite", () => {
  const site = {
    ports: defaultSuitePorts,
    secrets: { serviceToken: "s", adminToken: "a", busPassword: "b", databasePassword: "d" },
    bindAddress: "127.0.0.1",
    host: "127.0.0.1",
    busUrl: "nats://b",
    databaseUrl: "postgres://d",
  };

  it("starts what others need first, and two routers on ports of their own", () => {
    const names = planSuite(site).map((group) => group.map(({ name }) => name));
    expect(names).toEqual([
      ["policy", "quota", "telemetry", "simulator"],
      ["router-1", "router-2"],
    ]);
    const routers = planSuite(site)
      .flat()
      .filter(({ role }) => role === "router");
    expect(routers.map(({ readyUrl }) => readyUrl)).toEqual([
      "http://127.0.0.1:8083/readyz",
      "http://127.0.0.1:8093/readyz",
    ]);
    expect(routers.map(({ environment }) => environment["PENSTOCK_ROUTER_WORKERS"])).toEqual([
      "1",
      "2",
    ]);
  });

  it("tells the database's secret to those who store, the administrator's to policy", () => {
    const knowing = (variable: string): string[] =>
      planSuite(site)
        .flat()
        .filter(({ environment }) => environment[variable] !== undefined)
        .map(({ name }) => name);
    expect(knowing("PENSTOCK_DATABASE_URL")).toEqual(["policy", "quota", "telemetry"]);
    expect(knowing("PENSTOCK_ADMIN_TOKEN")).toEqual(["policy"]);
  });

  it("keeps its secrets, for their owner only", () => {
    const first = takeSuiteSecrets(folder);
    expect(takeSuiteSecrets(folder)).toEqual(first);
    expect(statSync(join(folder, "secrets.json")).mode & 0o777).toBe(0o600);
    expect(takeSuiteSecrets(folder, "given").adminToken).toBe("given");
    expect(new Set(Object.values(first)).size).toBe(4);
  });
});

describe("the merged log", () => {
  it("shows records as a line each, errors by their sentence", () => {
    const record = {
      time: "2026-01-31T12:34:56.789Z",
      level: "warn",
      message: "quota does not answer",
      service: "penstock-router",
      error: { name: "GatewayError", message: "refused", stack: "at …" },
      failures: 3,
    };
    expect(renderLogLine("router-1", JSON.stringify(record))).toBe(
      '12:34:56 router-1   WARN  quota does not answer error="refused" failures=3',
    );
    expect(renderLogLine("nats", "[1] [INF] listening")).toBe("nats       [1] [INF] listening");
    expect(renderLogLine("nats", "  ")).toBeUndefined();
    expect(renderLogLine("policy", "{not json")).toContain("{not json");
  });

  it("puts lines together that arrive in pieces", () => {
    const lines: string[] = [];
    const read = lineReader((line) => lines.push(line));
    for (const piece of ["on", "e\ntwo\nthr", "ee\n"]) read(piece);
    expect(lines).toEqual(["one", "two", "three"]);
  });
});
