import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateKey } from "@penstock/runtime";
import { askOverHttp, serverLane, startNats, startPostgres } from "@penstock/test-support";
import type { NatsServer, PostgresServer } from "@penstock/test-support";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { sendHalf } from "./src/half-sent-call.ts";
import { startRole } from "./src/role-process.ts";
import type { RoleProcess } from "./src/role-process.ts";
import type { CommandResult } from "./src/run-penstock.ts";
import { runPenstock } from "./src/run-penstock.ts";

const adminToken = generateKey("pat").text;
const teamManifest = "kind: Team\nname: teams/later\n";

function roles(): void {
  let nats: NatsServer;
  let postgres: PostgresServer;
  let folder: string;
  let common: Record<string, string>;
  let databaseUrl: string;
  const running: RoleProcess[] = [];

  const start = (role: string, name: string, more: Record<string, string> = {}): RoleProcess => {
    const dataDir = { PENSTOCK_DATA_DIR: join(folder, name) };
    const process = startRole(role, { ...common, ...dataDir, ...more });
    running.push(process);
    return process;
  };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "penstock-roles-"));
    [nats, postgres] = await Promise.all([startNats(), startPostgres()]);
    databaseUrl = await postgres.createDatabase("penstock");
    common = { PENSTOCK_BUS_URL: nats.url, PENSTOCK_SERVICE_TOKEN: generateKey("pst").text };
  });

  afterAll(async () => {
    await Promise.all(running.map((process) => process.stop("SIGKILL")));
    await Promise.all([nats.stop(), postgres.stop()]);
    rmSync(folder, { recursive: true, force: true });
  });

  it("wait for what they lack, then do together what one process does alone", async () => {
    const database = { PENSTOCK_DATABASE_URL: databaseUrl };
    const policy = start("policy", "policy", { ...database, PENSTOCK_ADMIN_TOKEN: adminToken });
    await vi.waitFor(
      async () => {
        const { status, text } = await policy.readiness("control");
        expect({ status, text }).toMatchObject({
          status: 503,
          text: expect.stringMatching(/lacks 0001-first-tables.*penstock migrate/),
        });
      },
      { timeout: 20_000, interval: 50 },
    );
    const migrate = ["migrate", "--database-url", databaseUrl, "-o", "json"];
    const migrated = await Promise.all([runPenstock(migrate), runPenstock(migrate)]);
    expect(migrated.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
    const applied = migrated.flatMap(({ stdout }) =>
      (JSON.parse(stdout) as { schema: string; applied: string[] }[]).flatMap((one) =>
        one.applied.map((migration) => `${one.schema} ${migration}`),
      ),
    );
    expect(applied.length).toBe(new Set(applied).size);
    expect(applied).toContain("policy 0001-first-tables");
    await policy.untilReady("control");

    const policyUrl = { PENSTOCK_POLICY_URL: policy.url("control") };
    const quota = start("quota", "quota", { ...database, ...policyUrl });
    const telemetry = start("telemetry", "telemetry", { ...database, ...policyUrl });
    const simulator = start("simulator", "simulator");
    await Promise.all([
      quota.untilReady("control"),
      telemetry.untilReady("control"),
      simulator.untilReady("simulator"),
    ]);
    const quotaUrl = { PENSTOCK_QUOTA_URL: quota.url("control") };
    const router = start("router", "router", { ...policyUrl, ...quotaUrl });
    await router.untilReady("admin");

    const shell = join(folder, "shell");
    const targets = {
      "data-dir": shell,
      "admin-token": adminToken,
      "control-url": policy.url("control"),
      "telemetry-url": telemetry.url("control"),
      "admin-url": router.url("admin"),
      "http-url": router.url("http"),
      "grpc-address": new URL(router.url("grpc")).host,
      "simulator-url": simulator.url("simulator"),
    };
    const flags = Object.entries(targets).flatMap(([name, value]) => [`--${name}`, value]);
    const demo = await runPenstock(["demo", ...flags]);
    expect(demo, demo.stderr).toMatchObject({ exitCode: 0 });
    const key = /^OPENAI_API_KEY='(.*)'$/m.exec(readFileSync(join(shell, "demo.env"), "utf8"))?.[1];
    const penstock = (parameters: readonly string[]) =>
      runPenstock([...parameters, "--data-dir", shell]);

    const question = { model: "flaky", prompt: "hello", stream: false, maxOutputTokens: 10 };
    const answer = await askOverHttp({ httpUrl: router.url("http") }, key ?? "", question);
    expect(answer).toMatchObject({ status: 200 });

    const why = await penstock(["why", answer.requestId]);
    expect(why.stdout, why.stderr).toContain("providers/beta answered attempt 2");
    const usage = JSON.parse((await penstock(["usage", "-o", "json"])).stdout) as {
      total: { requests: number };
    };
    expect(usage.total.requests).toBe(1);
    expect((await penstock(["apply", "--await", "-f", writeManifest(folder)])).exitCode).toBe(0);

    // The router stores no token and never saw this one: policy told it whose it is.
    const explain = await penstock(["explain", "--key", "demo/demo", "--model", "smart"]);
    expect(explain.stdout, explain.stderr).toContain("deployments/alpha-large");
    const metrics = async (url: string, token: string): Promise<number> =>
      (await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${token}` } })).status;
    for (const url of [router.url("admin"), quota.url("control"), telemetry.url("control")]) {
      expect(await metrics(url, adminToken)).toBe(200);
      expect(await metrics(url, generateKey("pat").text)).toBe(401);
    }
    expect(await looked(penstock)).toMatchObject({ policy: "ok", quota: "warn", bus: "warn" });
    const named = ["--quota-url", quota.url("control"), "--bus-url", nats.url];
    const all = [...named, "--database-url", databaseUrl];
    const well = {
      router: "ok",
      token: "ok",
      policy: "ok",
      quota: "ok",
      telemetry: "ok",
      bus: "ok",
      database: "ok",
    };
    expect(await looked(penstock, ...all)).toMatchObject(well);
    await quota.stop("SIGKILL");
    // Nobody has to name quota: its routers say that it is gone, and are ready all the same.
    await expect
      .poll(async () => await router.readiness("admin"), { timeout: 20_000, interval: 100 })
      .toMatchObject({ status: 200, text: expect.stringContaining("quota: it does not answer") });
    const worse = { ...well, quota: "fail", router: "warn" };
    expect(await looked(penstock, ...all)).toMatchObject(worse);
    await policy.stop("SIGKILL");
    expect(await metrics(router.url("admin"), adminToken)).toBe(200);
    expect(await router.stop("SIGTERM"), router.output()).toBe(0);
  });

  it("are told which variable they lack, and open nothing", async () => {
    const lacking = startRole("quota,telemetry", { PENSTOCK_BUS_URL: nats.url });
    expect(await lacking.ended).toBe(2);
    expect(lacking.output()).toContain(
      "PENSTOCK_DATABASE_URL is not set; roles quota and telemetry",
    );
    expect(lacking.output()).toContain("PENSTOCK_SERVICE_TOKEN is not set");
    expect(lacking.output()).toContain("PENSTOCK_POLICY_URL is not set");
  });

  it("say at once that they end, accept for the grace, and let open calls end", async () => {
    const graceMs = 1_500;
    const policy = start("policy", "ending", {
      PENSTOCK_DATABASE_URL: databaseUrl,
      PENSTOCK_MIGRATE: "on",
      PENSTOCK_ADMIN_TOKEN: adminToken,
      PENSTOCK_DRAIN_GRACE: `${graceMs}ms`,
    });
    await policy.untilReady("control");
    const call = await sendHalf(policy.url("control"), adminToken);
    const ended = policy.stop("SIGTERM");
    const signalledMs = performance.now();
    const look = () => policy.readiness("control");
    await expect
      .poll(look, { timeout: graceMs, interval: 20 })
      .toMatchObject({ status: 503, text: expect.stringContaining("policy drain: draining") });
    await expect.poll(look, { timeout: 20_000, interval: 50 }).toMatchObject({ status: 0 });
    const closedMs = performance.now();
    expect(closedMs - signalledMs).toBeGreaterThan(graceMs - 100);
    await vi.waitFor(() => expect(performance.now() - closedMs).toBeGreaterThan(1_500), 5_000);
    expect(await call.finish()).toMatchObject({ status: 200 });
    expect(await ended, policy.output()).toBe(0);
  });

  it("recover from a database that goes away", async () => {
    const database = { PENSTOCK_DATABASE_URL: databaseUrl };
    const policy = start("policy", "another", { ...database, PENSTOCK_MIGRATE: "on" });
    await policy.untilReady("control");
    await postgres.kill();
    await vi.waitFor(
      async () => {
        const { status } = await policy.readiness("control");
        expect(status, policy.output()).toBe(503);
      },
      { timeout: 15_000, interval: 50 },
    );
    await postgres.restart();
    await policy.untilReady("control");
  });
}

/** What doctor says of each process: the worst, by the first word of its checks. */
async function looked(
  run: (parameters: readonly string[]) => Promise<CommandResult>,
  ...flags: readonly string[]
): Promise<Record<string, string>> {
  const { stdout, stderr } = await run(["doctor", "-o", "json", ...flags]);
  const findings = JSON.parse(stdout) as { check: string; state: string; advice?: string }[];
  const states: Record<string, string> = {};
  for (const { check, state, advice } of findings) {
    if (state !== "ok") expect(advice ?? stderr, check).not.toBe("");
    for (const name of check.split(/,? /)) states[name] = state;
  }
  return states;
}

function writeManifest(folder: string): string {
  const file = join(folder, "team.yaml");
  writeFileSync(file, teamManifest);
  return file;
}

serverLane("nats").describe("roles as processes", () => {
  serverLane("postgres").describe("on NATS and PostgreSQL", roles);
});
