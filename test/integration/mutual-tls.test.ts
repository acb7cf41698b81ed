import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeDevelopmentCertificates } from "@penstock/certificates";
import { createPenstockClient, MessageRole } from "@penstock/client";
import type { TlsOptions } from "@penstock/client";
import { createClient, createNetworkTransport } from "@penstock/rpc";
import { LeaseService, ResourceService, RouterService } from "@penstock/api";
import { recordingObservability } from "@penstock/observability";
import { generateKey, Secret } from "@penstock/runtime";
import { serverLane, startNats, startPostgres } from "@penstock/test-support";
import type { NatsServer, PostgresServer } from "@penstock/test-support";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { penstockMain, runPenstock } from "./src/run-penstock.ts";

type Ports = Readonly<Record<"http" | "grpc" | "admin" | "control" | "simulator", number>>;

/** One process of the suite. */
interface Role {
  readonly child: ChildProcess;
  readonly ports: Ports;
  /** All that it logged. */
  output(): string;
}

const startTimeoutMs = 60_000;
const observed = recordingObservability();

serverLane("postgres").describe("roles that know each other by certificates", () => {
  const adminToken = generateKey("pat").text;
  const serviceToken = generateKey("pst").text;
  const children: ChildProcess[] = [];
  let folder: string;
  let postgres: PostgresServer;
  let nats: NatsServer;
  let control: Role;
  let router: Role;
  let key: string;

  const pem = (name: string): string => join(folder, "certs", name);
  const controlUrl = (): string => `https://127.0.0.1:${control.ports.control}`;
  const adminUrl = (): string => `https://127.0.0.1:${router.ports.admin}`;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "penstock-mutual-tls-"));
    [postgres, nats] = await Promise.all([startPostgres(), startNats(), certificates()]);
    control = await start("policy", ["policy", "quota", "telemetry", "simulator"], {
      PENSTOCK_MIGRATE: "on",
    });
    router = await start("router", ["router"], {
      PENSTOCK_POLICY_URL: controlUrl(),
      PENSTOCK_QUOTA_URL: controlUrl(),
      PENSTOCK_DOOR_TLS_CERT: pem("router.crt"),
      PENSTOCK_DOOR_TLS_KEY: pem("router.key"),
      PENSTOCK_DOOR_TLS_CLIENT_CA: pem("ca.crt"),
    });
    key = await issueKey();
  }, 120_000);

  afterAll(async () => {
    vi.unstubAllEnvs();
    await Promise.all(
      children.map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        child.kill("SIGKILL");
        await once(child, "exit");
      }),
    );
    await nats?.stop();
    await postgres?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function certificates(): Promise<void> {
    await writeDevelopmentCertificates({
      folder: join(folder, "certs"),
      names: ["router", "policy", "caller"],
      hosts: ["localhost", "127.0.0.1"],
      validDays: 1,
      authorityValidDays: 2,
    });
  }

  async function start(
    certificate: string,
    roles: readonly string[],
    environment: Readonly<Record<string, string>>,
  ): Promise<Role> {
    const doors = ["http", "grpc", "admin", "control", "simulator"];
    const flags = doors.flatMap((door) => [`--${door}-port`, "0"]);
    const parameters = [penstockMain, "start", "--role", roles.join(","), ...flags];
    const child = spawn(process.execPath, parameters, {
      stdio: ["ignore", "ignore", "pipe"],
      env: {
        ...process.env,
        PENSTOCK_DATA_DIR: join(folder, certificate),
        PENSTOCK_BUS_URL: nats.url,
        PENSTOCK_DATABASE_URL: postgres.url,
        PENSTOCK_SERVICE_TOKEN: serviceToken,
        PENSTOCK_ADMIN_TOKEN: adminToken,
        PENSTOCK_ROUTER_WORKERS: "1",
        PENSTOCK_LOG_LEVEL: "debug",
        PENSTOCK_TLS_CERT: pem(`${certificate}.crt`),
        PENSTOCK_TLS_KEY: pem(`${certificate}.key`),
        PENSTOCK_TLS_CLIENT_CA: pem("ca.crt"),
        PENSTOCK_TLS_CA: pem("ca.crt"),
        ...environment,
      },
    });
    children.push(child);
    let output = "";
    child.stderr.on("data", (bytes: Buffer) => (output += bytes.toString()));
    const ports = await vi.waitFor(
      () => {
        const line = output.split("\n").find((text) => text.includes("the doors are open"));
        if (line === undefined) throw new Error(`no doors are open: ${output}`);
        return (JSON.parse(line) as { ports: Ports }).ports;
      },
      { timeout: startTimeoutMs, interval: 50 },
    );
    return { child, ports, output: () => output };
  }

  function command(...parameters: string[]) {
    return runPenstock(parameters, {
      controlUrl: controlUrl(),
      adminUrl: adminUrl(),
      adminToken,
    });
  }

  async function issueKey(): Promise<string> {
    vi.stubEnv("PENSTOCK_TLS_CA", pem("ca.crt"));
    const simulatorUrl = `http://127.0.0.1:${control.ports.simulator}`;
    const env = join(folder, "demo");
    let secret = "";
    await vi.waitFor(
      async () => {
        const flags = ["--data-dir", env, "--simulator-url", simulatorUrl];
        const made = await command("demo", ...flags);
        expect(made.exitCode, made.stderr).toBe(0);
        const text = readFileSync(join(env, "demo.env"), "utf8");
        secret = /OPENAI_API_KEY='(psk_[^']+)'/.exec(text)?.[1] ?? "";
        expect(secret).not.toBe("");
      },
      { timeout: startTimeoutMs, interval: 500 },
    );
    return secret;
  }

  function transport(url: string, files: Readonly<Record<string, string>>) {
    const { tracer } = observed;
    const opened = createNetworkTransport({
      url,
      tracer,
      tls: { caFile: pem("ca.crt"), ...files },
    });
    return { [Symbol.dispose]: () => opened.close(), ...opened };
  }

  async function ask(tls: TlsOptions): Promise<number> {
    const address = `localhost:${router.ports.grpc}`;
    const client = createPenstockClient({ address, virtualKey: key, tls, timeoutMs: 10_000 });
    const part = { part: { case: "text" as const, value: { text: "hello" } } };
    const messages = [{ role: MessageRole.USER, parts: [part] }];
    try {
      return (await client.generate({ model: "smart", messages })).response.candidates.length;
    } finally {
      client.close();
    }
  }

  it("serve callers over TLS, with leases of a service that knows the router by its name", async () => {
    const rootCertificates = readFileSync(pem("ca.crt"));
    const own = {
      certificate: readFileSync(pem("caller.crt")),
      privateKey: readFileSync(pem("caller.key")),
    };
    await vi.waitFor(async () => expect(await ask({ rootCertificates, ...own })).toBe(1), {
      timeout: 20_000,
      interval: 200,
    });
    // Neither a caller without a certificate nor a router of an authority it does not know.
    await expect(ask({ rootCertificates })).rejects.toMatchObject({ reason: "UNAVAILABLE" });
    await expect(ask(own)).rejects.toMatchObject({ reason: "UNAVAILABLE" });
    const lines = control.output().split("\n");
    expect(lines.some((line) => line.includes('"identity":"router"'))).toBe(true);
  });

  it("refuse a service without certificate or token, and let certificates do what services may", async () => {
    using nobody = transport(controlUrl(), {});
    const refused = createClient(LeaseService, nobody.transport).syncLeases({});
    await expect(refused).rejects.toMatchObject({ reason: "ADMIN_UNAUTHENTICATED" });
    const own = { certificateFile: pem("router.crt"), keyFile: pem("router.key") };
    using service = transport(controlUrl(), own);
    // The certificate is known, and what administrators may is not what services may.
    const denied = createClient(ResourceService, service.transport).applyResources({});
    await expect(denied).rejects.toMatchObject({ reason: "ADMIN_PERMISSION_DENIED" });
    const admin = createNetworkTransport({
      url: adminUrl(),
      tracer: observed.tracer,
      token: new Secret(adminToken),
      tls: { caFile: pem("ca.crt") },
    });
    const info = await createClient(RouterService, admin.transport).getSnapshotInfo({});
    expect(info.status?.appliedRevision).toBeGreaterThan(0n);
    admin.close();
  });

  it("are administered over TLS, and say what is wrong without the authority", async () => {
    const got = await command("get", "routes");
    expect(got.exitCode, got.stderr).toBe(0);
    const looked = await command("doctor", "-o", "json");
    const findings = JSON.parse(looked.stdout) as { check: string; state: string }[];
    const ofServices = findings.filter(({ check }) => /https:|clock/.test(check));
    expect(ofServices.length).toBeGreaterThanOrEqual(3);
    expect(ofServices.filter(({ state }) => state === "fail")).toEqual([]);
    vi.stubEnv("PENSTOCK_TLS_CA", undefined);
    const refused = await command("get", "routes");
    vi.stubEnv("PENSTOCK_TLS_CA", pem("ca.crt"));
    expect(refused.exitCode).toBe(3);
    expect(refused.stderr).toContain("set PENSTOCK_TLS_CA");
  });
});
