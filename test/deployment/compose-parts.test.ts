import { execFile, execFileSync, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, readdirSync } from "node:fs";
import { rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseEnv, promisify } from "node:util";
import { serverLane, startNats, startPostgres } from "@penstock/test-support";
import type { NatsServer, PostgresServer } from "@penstock/test-support";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { readComposeFile, secretsOf } from "./src/compose-file.ts";
import { freePorts } from "./src/free-ports.ts";

// The parts of compose.yaml as processes, with the very variables and secrets that it gives them:
// only addresses and paths of containers are replaced by those of this machine.

const root = join(import.meta.dirname, "../..");
const folder = join(root, "deploy/compose");
const main = join(root, "services/penstock/src/main.ts");
const run = promisify(execFile);
const patience = { timeout: 60_000, interval: 100 };
const parts = ["policy", "quota", "telemetry", "simulator", "router-1", "router-2"] as const;

serverLane("nats").describe("the parts of compose.yaml", () => {
  serverLane("postgres").describe("as processes", () => {
    let place: string;
    let secrets: string;
    let nats: NatsServer;
    let postgres: PostgresServer;
    let environments: Record<string, Record<string, string>>;
    const children: ChildProcess[] = [];
    let said = "";

    beforeAll(async () => {
      place = mkdtempSync(join(tmpdir(), "penstock-compose-"));
      secrets = join(place, "secrets");
      prepare();
      const modes = readdirSync(secrets).map((name) => statSync(join(secrets, name)).mode & 0o777);
      expect(new Set(modes)).toEqual(new Set([0o600]));
      // The test's servers run as somebody else again.
      chmodSync(place, 0o755);
      chmodSync(secrets, 0o755);
      for (const name of readdirSync(secrets)) chmodSync(join(secrets, name), 0o644);
      const pem = (name: string): string => readFileSync(join(secrets, name), "utf8");
      [nats, postgres] = await Promise.all([
        startNats({
          configFile: join(folder, "nats.conf"),
          environment: ofNats(),
          args: ["-m", "-1"],
        }),
        startPostgres({
          tls: { certificatePem: pem("postgres.crt"), keyPem: pem("postgres.key") },
        }),
      ]);
      await writeEnvironments();
      await run(process.execPath, [main, "migrate", "--wait", "30s"], {
        env: { PATH: process.env["PATH"], ...environments["migrate"] },
      });
      for (const part of parts) children.push(start(part));
    });

    afterAll(async () => {
      await Promise.all(
        children.map(async (child) => {
          if (child.exitCode !== null || child.signalCode !== null) return;
          const ended = once(child, "exit");
          child.kill("SIGKILL");
          await ended;
        }),
      );
      await Promise.all([nats?.stop(), postgres?.stop()]);
      rmSync(place, { recursive: true, force: true });
    });

    function prepare(): void {
      const path = `${join(root, "node_modules/.bin")}:${process.env["PATH"]}`;
      const options = { env: { ...process.env, PATH: path }, stdio: "pipe" } as const;
      execFileSync(join(folder, "prepare.sh"), [place], options);
      const before = readFileSync(join(secrets, "nats.env"), "utf8");
      execFileSync(join(folder, "prepare.sh"), [place], options);
      expect(readFileSync(join(secrets, "nats.env"), "utf8")).toBe(before);
    }

    /** What Compose gives the server; the paths of its own folder are those of the test. */
    function ofNats(): Record<string, string> {
      return {
        PENSTOCK_NATS_NAME: "nats-1",
        PENSTOCK_NATS_CERT: join(secrets, "nats.crt"),
        PENSTOCK_NATS_KEY: join(secrets, "nats.key"),
        ...(parseEnv(readFileSync(join(secrets, "nats.env"), "utf8")) as Record<string, string>),
      };
    }

    async function writeEnvironments(): Promise<void> {
      const text = readFileSync(join(folder, "compose.yaml"), "utf8");
      const owner = parseEnv(readFileSync(join(place, ".env"), "utf8")) as Record<string, string>;
      const { services } = readComposeFile(text, { ...owner, PENSTOCK_ROUTER_WORKERS: "1" });
      const numbers = await freePorts(parts.length * 5);
      const ports = Object.fromEntries(
        parts.map((part, index) => [part, numbers.slice(index * 5, index * 5 + 5)]),
      );
      const control = (part: string): string => `https://localhost:${ports[part]?.[2]}`;
      const busPort = new URL(nats.url).port;
      environments = {};
      for (const name of [...parts, "migrate"]) {
        const service = services[name]!;
        const own = join(place, name);
        mkdirSync(own);
        for (const { source, target } of secretsOf(service)) {
          writeFileSync(join(own, target), atHome(readFileSync(join(secrets, source), "utf8")));
        }
        const given = Object.entries(service.environment ?? {}).map(([key, value]) => [
          key,
          String(value)
            .replaceAll("/run/secrets/", `${own}/`)
            .replace("tls://nats:4222", `tls://localhost:${busPort}`)
            .replace(/^https:\/\/(\w+):8082$/, (_url, part: string) => control(part)),
        ]);
        const [http, grpc, controlPort, admin, simulator] = ports[name] ?? [];
        environments[name] = {
          ...(Object.fromEntries(given) as Record<string, string>),
          OTEL_SDK_DISABLED: "true",
          PENSTOCK_DATA_DIR: join(own, "data"),
          PENSTOCK_HTTP_PORT: String(http),
          PENSTOCK_GRPC_PORT: String(grpc),
          PENSTOCK_CONTROL_PORT: String(controlPort),
          PENSTOCK_ADMIN_PORT: String(admin),
          PENSTOCK_SIMULATOR_PORT: String(simulator),
        };
      }
    }

    /** The URL of the database, for the server of the test. */
    function atHome(text: string): string {
      const own = /^postgres:.*@postgres:5432\/penstock(\?.*)/.exec(text)?.[1];
      if (own === undefined) return text;
      const options = own.replace("/run/secrets/", `${secrets}/`);
      return `${postgres.url.replace("127.0.0.1", "localhost")}${options}\n`;
    }

    function start(part: string): ChildProcess {
      const { services } = readComposeFile(readFileSync(join(folder, "compose.yaml"), "utf8"), {
        PENSTOCK_UID: "1",
        PENSTOCK_GID: "1",
      });
      const child = spawn(process.execPath, [main, ...(services[part]?.command ?? [])], {
        env: { PATH: process.env["PATH"], ...environments[part] },
        stdio: ["ignore", "ignore", "pipe"],
      });
      child.stderr.on("data", (bytes: Buffer) => (said += `${part}: ${bytes.toString()}`));
      return child;
    }

    it("become healthy, as the image's check says", async () => {
      const check = join(root, "deploy/healthcheck.mjs");
      for (const part of parts) {
        await vi.waitFor(
          () => run(process.execPath, [check], { env: environments[part] ?? {} }),
          patience,
        );
      }
    });

    it("take the demo and answer through both routers, over mutual TLS and as users of the bus", async () => {
      const url = (part: string): string =>
        `https://localhost:${environments[part]?.["PENSTOCK_CONTROL_PORT"]}`;
      const [first] = ["router-1", "router-2"].map((part) => environments[part]);
      const env = {
        PATH: process.env["PATH"],
        PENSTOCK_CONTROL_URL: url("policy"),
        PENSTOCK_QUOTA_URL: url("quota"),
        PENSTOCK_TELEMETRY_URL: url("telemetry"),
        PENSTOCK_ADMIN_URL: `https://localhost:${first?.["PENSTOCK_ADMIN_PORT"]}`,
        PENSTOCK_TLS_CA: join(secrets, "ca.crt"),
        PENSTOCK_ADMIN_TOKEN_FILE: join(secrets, "admin-token"),
      };
      const simulator = `http://localhost:${environments["simulator"]?.["PENSTOCK_SIMULATOR_PORT"]}`;
      const demo = ["demo", "--data-dir", join(place, "demo"), "--simulator-url", simulator];
      await vi.waitFor(
        () =>
          run(process.execPath, [main, ...demo], { env }).catch((error: unknown) => {
            throw new Error(`${String(error)}\n${said.slice(-4_000)}`);
          }),
        patience,
      );
      const { OPENAI_API_KEY: key } = parseEnv(readFileSync(join(place, "demo/demo.env"), "utf8"));
      for (const router of ["router-1", "router-2"]) {
        const port = environments[router]?.["PENSTOCK_HTTP_PORT"];
        const ask = async (): Promise<number> => {
          const answer = await fetch(`http://127.0.0.1:${port}/v1/chat/completions`, {
            method: "POST",
            headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
            body: JSON.stringify({ model: "smart", messages: [{ role: "user", content: "Hi" }] }),
          });
          await answer.text();
          return answer.status;
        };
        await vi.waitFor(async () => expect(await ask(), said.slice(-4_000)).toBe(200), patience);
      }
      const usage = async (): Promise<string> =>
        (await run(process.execPath, [main, "usage"], { env })).stdout;
      await vi.waitFor(async () => expect(await usage()).toMatch(/\b2\b/), patience);
    }, 150_000);
  });
});
