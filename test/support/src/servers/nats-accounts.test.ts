import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defaultTopology } from "@penstock/bus";
import type { Bus } from "@penstock/bus";
import { recordingObservability } from "@penstock/observability";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import {
  collectEntries,
  collectIds,
  connectBus,
  messageOf,
  openBusOn,
} from "./nats-bus.fixture.ts";
import { startNats } from "./nats.ts";
import type { NatsServer } from "./nats.ts";
import { requestNats } from "./raw-nats.ts";
import { serverLane } from "./server-lane.ts";

const root = join(import.meta.dirname, "..", "..", "..", "..");
const configFile = join(root, "deploy", "nats", "nats-server.conf");
const users = ["router", "policy", "quota", "telemetry", "operator"] as const;
type User = (typeof users)[number];
const passwordOf = (user: User): string => `canary-of-${user}`;
const environment = Object.fromEntries([
  ["PENSTOCK_NATS_NAME", "nats-1"],
  ...users.map((user) => [`PENSTOCK_NATS_${user.toUpperCase()}_PASSWORD`, passwordOf(user)]),
]) as Record<string, string>;
const denied = { reason: "FAILED_PRECONDITION" };
const one = new Uint8Array(1);

serverLane("nats").describe("deploy/nats/nats-server.conf", () => {
  let server: NatsServer;
  let folder: string;
  let observability: ReturnType<typeof recordingObservability>;
  const buses: Bus[] = [];
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "penstock-accounts-"));
    observability = recordingObservability();
    server = await startNats({ configFile, environment });
  });
  afterEach(async () => {
    await Promise.all(buses.splice(0).map((bus) => bus.close()));
    await server.stop();
    rmSync(folder, { recursive: true });
  });

  const connectAs = async (user: User, password = passwordOf(user)): Promise<Bus> => {
    const url = server.url.replace("nats://", `nats://${user}:${password}@`);
    const open = password === passwordOf(user) ? connectBus : openBusOn;
    const { logger } = observability;
    const bus = await open({ url }, { topology: defaultTopology, logger });
    buses.push(bus);
    return bus;
  };

  /** Streams of which a user was told that it may not purge them. */
  const problems = (): unknown[] =>
    observability.lines
      .filter(({ message }) => String(message).includes("may not purge"))
      .map(({ stream }) => stream);

  it("lets every service do its work, whichever starts first", async () => {
    const router = await connectAs("router");
    const seen: string[] = [];
    const confirmed: string[] = [];
    await collectEntries(router, seen);
    await router.confirmed.watch({
      prefix: "quota.r1.",
      onEntry: ({ key }) => void confirmed.push(key),
    });
    const policy = await connectAs("policy");
    const [quota, telemetry] = await Promise.all([connectAs("quota"), connectAs("telemetry")]);
    const got: string[][] = [[], []];
    await collectIds(quota, got[0] ?? []);
    await collectIds(telemetry, got[1] ?? [], "telemetry");
    const replicas: string[] = [];
    await policy.routers.watch({ onEntry: ({ key }) => void replicas.push(key) });

    await policy.config.put("head", Buffer.from("1"), { expectedRevision: 0n });
    expect((await policy.config.list()).map(({ key }) => key)).toEqual(["head"]);
    await router.routers.put("r1", one);
    const publish = async () => (await router.usage.publish([messageOf("m")]))[0]?.ok;
    await vi.waitFor(async () => expect(await publish()).toBe(true), 10_000);
    await quota.confirmed.put("quota.r1.1", one, { expectedRevision: 0n });
    await telemetry.confirmed.put("telemetry.r1.1", one);

    await vi.waitFor(() => expect(seen).toEqual(["head=1"]), 10_000);
    await vi.waitFor(() => expect(confirmed).toEqual(["quota.r1.1"]), 10_000);
    await vi.waitFor(() => expect(got).toEqual([["m"], ["m"]]), 10_000);
    await vi.waitFor(() => expect(replicas).toEqual(["r1"]), 10_000);
    for (const follower of [quota, telemetry]) {
      const follows: string[] = [];
      await collectEntries(follower, follows);
      await vi.waitFor(() => expect(follows).toEqual(["head=1"]), 5_000);
    }
  });

  it("is asked by no service for what it may not, at a first start", async () => {
    const { logger } = observability;
    const owns = {
      router: [],
      policy: ["config", "routers", "intents", "hints"],
      quota: ["usage", "confirmed"],
      telemetry: ["usage", "confirmed"],
    } as const;
    const open = async (user: keyof typeof owns): Promise<Bus> => {
      const url = server.url.replace("nats://", `nats://${user}:${passwordOf(user)}@`);
      const options = { topology: defaultTopology, logger, owns: owns[user] };
      const bus = await connectBus({ url }, options);
      buses.push(bus);
      return bus;
    };
    const [router] = await Promise.all(
      (["router", "quota", "telemetry", "policy"] as const).map(open),
    );
    await vi.waitFor(async () => {
      expect((await router?.usage.publish([messageOf("m")]))?.[0]?.ok).toBe(true);
      await router?.routers.put("r1", one);
      await router?.intents.put("r1.a", one);
      await router?.hints.put("key.a", one);
    }, 10_000);
    const told = observability.lines.map((line) => JSON.stringify(line));
    expect(told.filter((line) => /Permissions Violation|may not use/.test(line))).toEqual([]);
  });

  it("lets policy purge the configuration, routers what ran, and nobody else", async () => {
    const policy = await connectAs("policy");
    const router = await connectAs("router");
    await policy.config.put("gone", one);
    await policy.config.purge("gone", { upTo: await policy.config.delete("gone") });
    await router.intents.put("r1.1.a", one);
    await router.intents.purge("r1.1.a");
    expect(await router.intents.list()).toEqual([]);
    expect(problems()).toEqual([]);
    const upTo = await policy.config.put("head", one);
    await router.config.purge("head", { upTo });
    await expect(router.config.purge("head")).rejects.toMatchObject(denied);
    await expect(policy.intents.purge("r1.1.a")).rejects.toMatchObject(denied);
    expect(await policy.config.get("head")).toBeDefined();
    expect(problems()).toEqual(["KV_penstock_config", "KV_penstock_intents"]);
  });

  it("lets no service do another's work", async () => {
    const policy = await connectAs("policy");
    const router = await connectAs("router");
    const quota = await connectAs("quota");
    const telemetry = await connectAs("telemetry");
    await policy.config.put("head", Buffer.from("1"));
    for (const bus of [router, quota, telemetry]) {
      await expect(bus.config.put("head", one)).rejects.toMatchObject(denied);
      await expect(bus.config.delete("head")).rejects.toMatchObject(denied);
    }
    for (const bus of [policy, quota, telemetry]) {
      expect(await bus.usage.publish([messageOf("m")])).toMatchObject([
        { ok: false, error: denied },
      ]);
      await expect(bus.routers.put("r1", one)).rejects.toMatchObject(denied);
      await expect(bus.hints.put("key.a", one)).rejects.toMatchObject(denied);
    }
    await router.hints.put("key.a", one);
    expect((await router.hints.list()).map(({ key }) => key)).toEqual(["key.a"]);
    await expect(router.confirmed.put("quota.r1.1", one)).rejects.toMatchObject(denied);
    await expect(policy.confirmed.put("quota.r1.1", one)).rejects.toMatchObject(denied);
    await expect(telemetry.confirmed.put("quota.r1.1", one)).rejects.toMatchObject(denied);
    await expect(quota.confirmed.put("telemetry.r1.1", one)).rejects.toMatchObject(denied);
    for (const [bus, consumer] of [
      [router, "quota"],
      [policy, "quota"],
      [telemetry, "quota"],
      [quota, "telemetry"],
    ] as const) {
      const problems: unknown[] = [];
      const handle = async (): Promise<[]> => [];
      const onProblem = (problem: unknown): void => void problems.push(problem);
      await bus.usage.consume({ consumer, maxBatch: 1, maxWaitMs: 1_000, handle, onProblem });
      await vi.waitFor(() => expect(problems[0]).toMatchObject(denied), 5_000);
    }
    expect(Buffer.from((await policy.config.get("head"))?.value ?? one).toString()).toBe("1");
  });

  it("lets policy alone make the bucket of requests that run, which routers wait for", async () => {
    const router = await connectAs("router");
    await expect(router.intents.put("r1.a", one)).rejects.toMatchObject({
      source: "gateway",
    });
    // Whoever may do either may have the stream publish again what it takes, as configuration.
    const config = {
      name: "KV_penstock_intents",
      subjects: ["$KV.penstock_intents.>"],
      republish: { src: "$KV.penstock_intents.>", dest: "$KV.penstock_config.>" },
    };
    const url = server.url.replace("nats://", `nats://router:${passwordOf("router")}@`);
    for (const verb of ["CREATE", "UPDATE"]) {
      const subject = `$JS.API.STREAM.${verb}.KV_penstock_intents`;
      const asked = requestNats(url, subject, JSON.stringify(config));
      await expect(asked).rejects.toThrow(/^Permissions Violation for Publish/);
    }
    await connectAs("policy");
    await vi.waitFor(() => router.intents.put("r1.a", one), 10_000);
    expect((await router.intents.list()).map(({ key }) => key)).toEqual(["r1.a"]);
  });

  it("takes a credentials file, and says that a password is refused without telling it", async () => {
    const bus = await connectAs("router", "canary-wrong");
    const error: unknown = await bus.config.get("a").catch((thrown: unknown) => thrown);
    expect(error).toMatchObject(denied);
    expect(String(error)).toContain("refuses the user or password");
    expect(JSON.stringify(error) + String(error)).not.toContain("canary");

    const credentialsFile = join(folder, "router");
    writeFileSync(credentialsFile, "router:canary-wrong");
    const options = { topology: defaultTopology, credentialsFile };
    const rotated = await openBusOn(server, options);
    buses.push(rotated);
    expect(rotated.connected()).toBe(false);
    writeFileSync(credentialsFile, `router:${passwordOf("router")}\n`);
    await vi.waitFor(() => expect(rotated.connected()).toBe(true), 10_000);
  });
});
