import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { prepareDatabaseFolder } from "@penstock/database/testing";
import { readEnvironmentVariable } from "@penstock/runtime";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { runProgram } from "./commands/program.ts";
import { readDemoEnv } from "./demo-env.ts";

const mainFile = join(import.meta.dirname, "main.ts");
const anyPorts = ["http", "grpc", "control", "admin", "simulator"].flatMap((door) => [
  `--${door}-port`,
  "0",
]);
const startTimeoutMs = 90_000;

interface Running {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly exitCode: Promise<number | null>;
}

/** Runs `penstock start` in a process of its own, without the variables of the machine. */
function start(parameters: readonly string[]): Running {
  const environment = { PATH: readEnvironmentVariable("PATH"), HOME: parent };
  const child = spawn(process.execPath, [mainFile, "start", ...parameters], {
    env: environment,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  child.stdout?.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const exitCode = new Promise<number | null>((resolve) => {
    child.once("close", (code) => resolve(code));
  });
  return { child, output: () => output, exitCode };
}

async function untilReady(running: Running): Promise<void> {
  const ready = vi.waitFor(() => expect(running.output()).toContain("\nready in "), {
    timeout: startTimeoutMs,
    interval: 100,
  });
  const ended = running.exitCode.then((code) => {
    throw new Error(`ended with ${code} before it was ready:\n${running.output()}`);
  });
  ended.catch(() => undefined);
  await Promise.race([ready, ended]);
}

async function stop(running: Running): Promise<void> {
  running.child.kill("SIGINT");
  expect(await running.exitCode, running.output()).toBe(0);
}

/** Runs a command in this process. */
async function penstock(parameters: readonly string[], input = "") {
  let out = "";
  let talk = "";
  const exitCode = await runProgram([...parameters, "--data-dir", folder], {
    out: (text) => void (out += text),
    talk: (text) => void (talk += text),
    readInput: () => input,
    environment: {},
  });
  return { exitCode, out, talk };
}

async function chat(model: string, key = readDemoEnv(folder).OPENAI_API_KEY) {
  const response = await ask({ model }, key);
  await response.arrayBuffer();
  return response;
}

/** Resolves when the answer has begun. */
function ask(body: { model: string; stream?: boolean }, key?: string): Promise<Response> {
  return fetch(`${readDemoEnv(folder).OPENAI_BASE_URL}/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({ ...body, messages: [{ role: "user", content: "Hello" }] }),
  });
}

let parent = "";
let folder = "";
let running: Running;

beforeAll(async () => {
  parent = mkdtempSync(join(tmpdir(), "penstock-start-"));
  folder = join(parent, "data");
  running = start([...anyPorts, "--data-dir", folder]);
  await untilReady(running);
}, startTimeoutMs);

afterAll(async () => {
  running.child.kill("SIGKILL");
  await running.exitCode;
  rmSync(parent, { recursive: true, force: true });
});

describe("a running start", () => {
  it("has written where it is, for its owner only, before it said ready", async () => {
    const values = readDemoEnv(folder);
    expect(Object.keys(values)).toHaveLength(9);
    expect(statSync(join(folder, "demo.env")).mode & 0o777).toBe(0o600);
    expect(running.output()).toContain(values.OPENAI_API_KEY);
    expect(running.output().trimEnd().split("\n").at(-1)).toMatch(/^ready in [0-9.]+ s$/);
    const { exitCode, out } = await penstock(["usage", "-o", "json"]);
    expect(exitCode).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ rows: [], total: { requests: 0 } });
  });

  it("answers, falls back, and says afterwards why and what it cost", async () => {
    expect((await chat("smart")).headers.get("x-penstock-provider")).toBe("providers/alpha");
    const flaky = await chat("flaky");
    expect(flaky.headers.get("x-penstock-provider")).toBe("providers/beta");
    expect(flaky.headers.get("x-penstock-attempts")).toBe("2");
    const why = await penstock(["why", flaky.headers.get("x-request-id") ?? ""]);
    expect(why).toMatchObject({ exitCode: 0 });
    expect(why.out).toMatch(/^The provider providers\/alpha answered 503/);
    expect(why.out).toMatch(/fallback +deployments\/beta-large/);
    const usage = await penstock(["usage", "--group-by", "model,provider", "-o", "json"]);
    const { rows, total } = JSON.parse(usage.out) as {
      rows: { model: string; provider: string; attempts: number; costNanoUsd: string }[];
      total: { requests: number; costUsd: string };
    };
    expect(rows).toMatchObject([
      { model: "flaky", provider: "providers/beta", attempts: 2, costNanoUsd: "372000" },
      { model: "smart", provider: "providers/alpha", attempts: 1, costNanoUsd: "250000" },
    ]);
    expect(total).toMatchObject({ requests: 2, costUsd: "0.000622" });
  });

  it("gives manifests that change nothing when applied again", async () => {
    const { out } = await penstock(["get", "all", "-o", "yaml"]);
    const applied = await penstock(["apply", "-f", "-"], out);
    expect(applied.talk).toBe("revision 2\n");
    const changes = applied.out.trimEnd().split("\n").slice(1);
    expect(changes.length).toBe(out.split("\n---\n").length);
    for (const line of changes) expect(line).toMatch(/ unchanged$/);
  });

  it("changes nothing when the JSON it wrote is applied, whole or one of it", async () => {
    const { out } = await penstock(["get", "all", "-o", "json"]);
    const [first, ...others] = JSON.parse(out) as unknown[];
    for (const text of [out, JSON.stringify(first)]) {
      const applied = await penstock(["apply", "-f", "-"], text);
      const changes = applied.out.trimEnd().split("\n").slice(1);
      expect(changes.length, applied.talk).toBe(text === out ? others.length + 1 : 1);
      for (const line of changes) expect(line).toMatch(/ unchanged$/);
    }
  });

  it("refuses a manifest with every problem in it, wherever it was found", async () => {
    const manifest = `kind: Route
name: routes/bad
match: { models: [x] }
targets:
  - deployment: deployments/nope
    weight: heavy
---
kind: Budget
name: budgets/bad
amountUsd: 1.50
period: DAY
`;
    const { exitCode, talk } = await penstock(["apply", "-f", "-"], manifest);
    expect(exitCode).toBe(1);
    expect(talk.split("\n").slice(0, 4)).toEqual([
      expect.stringMatching(/^-:5: document 1, routes\/bad: targets\[0\]\.dep.*deployments\/nope/),
      '-:6: document 1, routes/bad: targets[0].weight must be a whole number, not "heavy"',
      '-:10: document 2, budgets/bad: amountUsd must be in quotes, so that no digit is lost: "1.50"',
      "penstock: 3 problems; nothing was changed.",
    ]);
    const asJson = await penstock(["apply", "-f", "-", "-o", "json"], manifest);
    const { problems } = JSON.parse(asJson.out) as { problems: readonly object[] };
    expect([asJson.exitCode, problems.length]).toEqual([1, 3]);
    expect(problems[2]).toMatchObject({
      file: "-",
      document: 2,
      line: 10,
      name: "budgets/bad",
      path: "amountUsd",
    });
    const { talk: missing } = await penstock(["get", "route", "bad", "-o", "json"]);
    const known = { reason: "RESOURCE_NOT_FOUND", exitCode: 1, requestId: expect.any(String) };
    expect(JSON.parse(missing)).toMatchObject(known);
  });

  it("says of nothing to apply that it is nothing", async () => {
    expect(await penstock(["apply", "-f", "-"], "# later\n")).toMatchObject({
      exitCode: 2,
      talk: expect.stringContaining("standard input holds no resource; nothing was") as string,
    });
  });

  it("explains requests for answers and for vectors, and lists what no table knows", async () => {
    const about = ["explain", "--key", "demo/demo", "--model", "smart"];
    const answer = await penstock(about);
    expect(answer.out).toMatch(/routes\/smart would send it to deployments\/alpha-large/);
    expect(answer.out).not.toContain("routes/cheap");
    expect((await penstock([...about, "--all-routes"])).out).toContain("routes/cheap");
    for (const output of ["table", "json"]) {
      const none = await penstock([
        "explain",
        "--key",
        "demo/demo",
        "--model",
        "nope",
        "-o",
        output,
      ]);
      expect(none).toMatchObject({ exitCode: 1 });
      expect(none.out).toMatch(/No route serves the model .*MODEL_NOT_FOUND/s);
    }
    const vectors = await penstock([...about, "--embed", "-o", "json"]);
    expect(JSON.parse(vectors.out)).toMatchObject({
      omittedRoutes: 2,
      targets: [{ chosen: true }, { reason: expect.stringContaining("[vector_space]") as string }],
    });
    expect(await penstock([...about, "--embed", "--stream"])).toMatchObject({ exitCode: 2 });
    const failures = await penstock(["failures", "-o", "json"]);
    expect([failures.exitCode, typeof JSON.parse(failures.out)]).toEqual([0, "object"]);
  });

  it("keeps its data folder and its ports to itself", async () => {
    const second = start([...anyPorts, "--data-dir", folder]);
    expect(await second.exitCode).toBe(1);
    expect(second.output()).toContain(`${folder} is in use by process ${running.child.pid}`);
    const port = new URL(readDemoEnv(folder).OPENAI_BASE_URL ?? "").port;
    const elsewhere = join(parent, "elsewhere");
    const third = start([...anyPorts, "--http-port", port, "--data-dir", elsewhere]);
    expect(await third.exitCode).toBe(1);
    expect(third.output()).toContain(`port ${port} (PENSTOCK_HTTP_PORT) is in use`);
    expect(existsSync(elsewhere)).toBe(false);
  });

  it(
    "is not begun with a manifest that is wrong",
    async () => {
      const config = join(parent, "gateway.yaml");
      const elsewhere = join(parent, "unconfigured");
      const parameters = [...anyPorts, "--data-dir", elsewhere, "--config", config];
      writeFileSync(config, "kind: Limit\nname: limits/a\nrequestPerMinute: 5\n");
      const unreadable = start(parameters);
      expect(await unreadable.exitCode).toBe(1);
      expect(unreadable.output()).toContain("gateway.yaml:3: requestPerMinute is not a field of ");
      expect(unreadable.output()).toContain("1 problem; nothing was changed");
      expect(existsSync(elsewhere)).toBe(false);
      // What only the service can know ends the start as well, before any door is open.
      writeFileSync(config, "kind: Project\nname: projects/p\nteam: teams/none\n");
      await prepareDatabaseFolder(elsewhere);
      const refused = start(parameters);
      expect(await refused.exitCode).toBe(1);
      expect(refused.output()).toMatch(/gateway\.yaml:3: team .*teams\/none, which does not exist/);
      expect(refused.output()).not.toContain("ready in ");
      expect(existsSync(join(elsewhere, "demo.env"))).toBe(false);
    },
    startTimeoutMs,
  );

  it("tells scripts by its exit code whether somebody answered", async () => {
    const nowhere = ["get", "all", "--control-url", "http://127.0.0.1:1"];
    expect((await penstock(nowhere)).exitCode).toBe(3);
    // Telemetry has another address and is alive; it is policy that nobody answers for.
    const alive = readDemoEnv(folder).PENSTOCK_CONTROL_URL ?? "";
    const withoutPolicy = await penstock([...nowhere, "--telemetry-url", alive]);
    expect(withoutPolicy.talk).toContain("Nobody answers at http://127.0.0.1:1.");
    const withoutTelemetry = ["usage", "--telemetry-url", "http://127.0.0.1:1"];
    expect((await penstock(withoutTelemetry)).talk).toContain(
      "Nobody answers at http://127.0.0.1:1.",
    );
    expect((await penstock(["get", "nothing"])).exitCode).toBe(2);
    expect((await penstock(["get", "all", "--admin-token", "wrong"])).exitCode).toBe(1);
    expect((await penstock(["get", "--help"])).exitCode).toBe(0);
    const doctor = await penstock(["doctor", "-o", "json"]);
    const failed = (JSON.parse(doctor.out) as { state: string }[]).filter(
      ({ state }) => state === "fail",
    );
    expect(failed).toEqual([]);
    // Free ports were taken: what is looked at is what is open, not what is usual.
    const checks = (JSON.parse(doctor.out) as { check: string; detail: string }[]).map(
      ({ check, detail }) => `${check}: ${detail}`,
    );
    const { port } = new URL(readDemoEnv(folder).OPENAI_BASE_URL ?? "");
    expect(checks).toContain(`port ${port} (http): open, by this Penstock`);
    expect(checks.filter((check) => check.startsWith("port "))).toHaveLength(5);
  });

  it("tells which credential its router lacks, and what to do", async () => {
    const manifest = `kind: Provider
name: providers/keyless
providerKind: openai-compatible
baseUrl: ${readDemoEnv(folder).PENSTOCK_SIMULATOR_URL}/alpha/v1
privateNetwork: true
credential: env:NOT_SET_ANYWHERE
---
kind: Deployment
name: deployments/keyless
provider: providers/keyless
model: alpha-large
`;
    const names = ["deployments/keyless", "providers/keyless"];
    expect(await penstock(["apply", "--await", "-f", "-"], manifest)).toMatchObject({
      exitCode: 0,
    });
    const { exitCode, out, talk } = await penstock(["doctor"]);
    expect(out).toMatch(/fail +credential env:NOT_SET_ANYWHERE +env:NOT_SET_ANYWHERE is not set/);
    expect(out).toMatch(/\nWhat to do:\n(?:.*\n)*  credential env:NOT_SET_ANYWHERE: Set NOT_SET_/);
    expect([exitCode, talk]).toEqual([1, expect.stringMatching(/: 1 of \d+ checks failed/)]);
    const targets = await penstock(["targets"]);
    expect(targets.talk).toContain("providers/keyless: env:NOT_SET_ANYWHERE is not set");
    for (const name of names) expect((await penstock(["delete", name])).exitCode).toBe(0);
    expect((await penstock(["doctor"])).exitCode).toBe(0);
  });
});

describe("the next start", () => {
  it(
    "keeps everything, moves the vendors with the simulator, and renews a key that nobody knows",
    { timeout: 2 * startTimeoutMs },
    async () => {
      const before = readDemoEnv(folder);
      const resources = (await penstock(["get", "all"])).out.split("\n").length;
      await penstock(["apply", "-f", "-"], "kind: Team\nname: teams/mine\n");
      await stop(running);
      expect(existsSync(join(folder, "lock"))).toBe(false);
      expect(readFileSync(join(folder, "penstock.log"), "utf8")).not.toContain(
        before.OPENAI_API_KEY,
      );
      // The old simulator port is taken, so that the vendors have to move.
      const blocker = createServer();
      const oldPort = Number(new URL(before.PENSTOCK_SIMULATOR_URL ?? "").port);
      await new Promise<void>((resolve) => blocker.listen(oldPort, "127.0.0.1", resolve));
      running = start([...anyPorts, "--data-dir", folder]);
      await untilReady(running);
      const after = readDemoEnv(folder);
      expect((blocker.address() as AddressInfo).port).toBe(oldPort);
      blocker.close();
      expect(after.OPENAI_API_KEY).toBe(before.OPENAI_API_KEY);
      expect(after.PENSTOCK_ADMIN_TOKEN).toBe(before.PENSTOCK_ADMIN_TOKEN);
      expect((await penstock(["get", "all"])).out.split("\n").length).toBe(resources + 1);
      expect((await chat("smart")).status).toBe(200);
      // Sums follow the answer by the way of a record over the bus into the database.
      await vi.waitFor(
        async () => {
          const usage = await penstock(["usage", "-o", "json"]);
          expect(JSON.parse(usage.out)).toMatchObject({ total: { requests: 3 } });
        },
        { timeout: 5_000, interval: 50 },
      );
      await stop(running);

      rmSync(join(folder, "demo.env"));
      running = start([...anyPorts, "--data-dir", folder]);
      await untilReady(running);
      expect(readDemoEnv(folder).OPENAI_API_KEY).not.toBe(before.OPENAI_API_KEY);
      expect((await chat("smart")).status).toBe(200);
      expect((await chat("smart", before.OPENAI_API_KEY)).status).toBe(401);
    },
  );
});

describe("the end", () => {
  it("leaves open streams five seconds, and tells those that it cuts off why", async () => {
    const [short, endless] = ["delay-100+tokens-20", "delay-100+tokens-9000"];
    const manifests = [short, endless].map(
      (faults, at) => `kind: Deployment
name: deployments/slow-${at}
provider: providers/alpha
model: alpha-large+${faults}
priceBook: priceBooks/alpha
---
kind: Route
name: routes/slow-${at}
match: { models: [slow-${at}] }
targets: [{ deployment: deployments/slow-${at} }]
`,
    );
    const applied = await penstock(["apply", "--await", "-f", "-"], manifests.join("---\n"));
    expect(applied).toMatchObject({ exitCode: 0 });
    const key = readDemoEnv(folder).OPENAI_API_KEY;
    const answers = await Promise.all(
      ["slow-0", "slow-1"].map((model) => ask({ model, stream: true }, key)),
    );
    running.child.kill("SIGTERM");
    const signalledMs = performance.now();
    const [whole, cut] = await Promise.all(answers.map((answer) => answer.text()));
    expect(whole).toContain("data: [DONE]");
    expect(cut).toContain('"code":"DRAINING"');
    expect(performance.now() - signalledMs).toBeGreaterThan(4_500);
    expect(await running.exitCode, running.output()).toBe(0);
    expect(running.output()).toContain("open streams have 5 s");
  });
});
