import {
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { askOverHttp, reportClaim, serverLane } from "@penstock/test-support";
import type { RoleName, Transcript } from "@penstock/test-support";
import { afterAll, beforeAll, expect, it } from "vitest";
import { quick, startFaultRig } from "../src/fault-rig.ts";
import type { FaultRig } from "../src/fault-rig.ts";

// A router whose control plane is gone starts from its disk alone, or waits without giving up.
// Fault table, rows 6, 7 and 8; invariant I10.

const controls: readonly RoleName[] = ["policy", "quota", "telemetry"];
/** What the table promises; `npm run prove` holds it against what is measured here. */
const promisedMs = 2_000;

serverLane("nats").describe("a router that starts", () => {
  serverLane("postgres").describe("while policy, quota and NATS are down", suite);
});

function suite(): void {
  let rig: FaultRig;
  let before: Transcript;

  beforeAll(async () => {
    rig = await startFaultRig({ workers: [1, 2] });
    const [door] = rig.gateway.routers;
    if (door === undefined) throw new TypeError("there is a router");
    before = await askOverHttp(door, rig.free, quick);
    await rig.gateway.request(before.requestId);
    await Promise.all(controls.map((name) => rig.gateway.role(name).kill()));
    await rig.gateway.nats.kill();
  });
  afterAll(() => rig?.gateway.close());

  const router = () => rig.gateway.role("router-1");
  const configuration = () => join(router().folder, "configuration");
  const files = (): string[] =>
    readdirSync(configuration())
      .filter((name) => name.endsWith(".bin"))
      .toSorted();

  async function ask(): Promise<Transcript> {
    const [door] = rig.gateway.routers;
    if (door === undefined) throw new TypeError("there is a router");
    return await askOverHttp(door, rig.free, quick);
  }

  it("serves what it served before, from its last good configuration", async () => {
    const startMs = performance.now();
    await router().restart();
    const readyMs = performance.now() - startMs;
    process.stdout.write(`ready from disk in ${Math.round(readyMs)} ms (${promisedMs} promised)\n`);
    reportClaim("restart-alone", readyMs, "ms");
    const after = await ask();
    expect(after).toMatchObject({ status: 200, text: before.text, providers: before.providers });
    expect(after.headers.get("x-penstock-revision")).not.toBeNull();
    // A key with a hard budget waits for quota; nobody says that it is spent.
    const [door] = rig.gateway.routers;
    const refused = await askOverHttp(door ?? rig.gateway, rig.hard, quick);
    expect(refused).toMatchObject({ status: 503, error: { reason: "QUOTA_UNAVAILABLE" } });
    expect(refused.error?.retryAfterMs).toBeGreaterThan(0);
  });

  it.each([
    ["a part is missing", (file: string) => truncateSync(file, 100)],
    ["a bit is turned", (file: string) => writeFileSync(file, turned(readFileSync(file)))],
    ["it is empty", (file: string) => truncateSync(file, 0)],
  ])("takes the one before when of the newest %s", async (_what, damage) => {
    await router().kill();
    const kept = files();
    expect(kept.length).toBeGreaterThan(1);
    const newest = kept.at(-1) ?? "";
    damage(join(configuration(), newest));
    router().start();
    await router().untilReady();
    const answer = await ask();
    expect(answer).toMatchObject({ status: 200, text: before.text });
    const revision = BigInt(answer.headers.get("x-penstock-revision") ?? "0");
    expect(revision).toBe(revisionOf(kept.at(-2)));
    expect(router().output()).toContain(newest);
  });

  it("waits without any, does not give up, and serves once they are back", async () => {
    await router().kill();
    rmSync(configuration(), { recursive: true });
    router().start();
    await expect
      .poll(async () => (await router().look("/livez")).status, { timeout: 20_000 })
      .toBe(200);
    expect((await router().look("/readyz")).status).toBe(503);
    await rig.gateway.nats.restart();
    for (const name of controls) rig.gateway.role(name).start();
    await router().untilReady();
    expect(router().isRunning).toBe(true);
    expect((await ask()).text).toBe(before.text);
    await Promise.all(controls.map((name) => rig.gateway.role(name).untilReady()));
    expect(existsSync(configuration())).toBe(true);
  });
}

function turned(bytes: Buffer): Buffer {
  const at = Math.floor(bytes.length / 2);
  bytes[at] = (bytes[at] ?? 0) ^ 0x10;
  return bytes;
}

/** `config-<epoch>-<revision>.bin` */
function revisionOf(file: string | undefined): bigint {
  return BigInt(/-(\d+)\.bin$/.exec(file ?? "")?.[1] ?? 0);
}
