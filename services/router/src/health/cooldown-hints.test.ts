import { createMemoryBus } from "@penstock/bus";
import type { Bus } from "@penstock/bus";
import { silentObservability } from "@penstock/observability";
import { ManualClock } from "@penstock/runtime";
import type { CompiledDeployment } from "@penstock/snapshot";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CooldownHints } from "./cooldown-hints.ts";
import { TargetHealthBook } from "./target-health.ts";
import type { TargetOutcome } from "./target-outcome.ts";

const target = deployment("a", "env:KEY");
const sameKey = deployment("b", "env:KEY");
const otherKey = deployment("c", "env:OTHER");

function deployment(name: string, credential: string): CompiledDeployment {
  return {
    name: `deployments/${name}`,
    provider: { name: `providers/${name}`, origin: "https://p.example", credential },
    model: name,
    path: "/v1/chat/completions",
    maxConcurrentRequests: 32,
  } as unknown as CompiledDeployment;
}

interface Router {
  readonly book: TargetHealthBook;
  readonly hints: CooldownHints;
}

describe("CooldownHints", () => {
  let clock: ManualClock;
  let bus: Bus;
  let routers: readonly [Router, Router];

  beforeEach(() => {
    clock = new ManualClock(1_767_225_600_000);
    bus = createMemoryBus({ clock });
    routers = [startRouter("one"), startRouter("two")];
  });
  afterEach(async () => {
    for (const { hints } of routers) await hints.close();
    await bus.close();
  });

  function startRouter(replica: string, bucket = bus.hints): Router {
    const observability = silentObservability();
    const book = new TargetHealthBook(() => 0);
    const hints = new CooldownHints({ bucket, book, replica, clock, observability });
    hints.start();
    return { book, hints };
  }

  function fail({ book }: Router, of: CompiledDeployment, outcome: TargetOutcome): void {
    book.began(of, clock.monotonicMs());
    book.ended(of, outcome, clock.monotonicMs());
  }

  /** Why a router does not ask a target now; empty: it may. */
  function refusal({ book }: Router, of: CompiledDeployment): string {
    const admitted = book.admit(of, clock.monotonicMs());
    return admitted.ok ? "" : admitted.reason;
  }

  it("keeps another router from asking until the wait is over", async () => {
    const [one, two] = routers;
    fail(one, target, { class: "RATE_LIMITED", retryAfterMs: 7_000 });
    await expect.poll(() => refusal(two, target)).toBe("hinted");
    expect([refusal(one, target), refusal(two, sameKey)]).toEqual(["cooldown", ""]);
    clock.advance(6_999);
    expect(refusal(two, target)).toBe("hinted");
    clock.advance(1);
    expect([refusal(one, target), refusal(two, target)]).toEqual(["", ""]);
  });

  it("tells of what is used up by the key, for all its deployments, and for a minute", async () => {
    const [one, two] = routers;
    fail(one, target, { class: "QUOTA_EXHAUSTED", retryAfterMs: 32_400_000 });
    await expect.poll(() => refusal(two, sameKey)).toBe("hinted");
    expect(refusal(two, otherKey)).toBe("");
    clock.advance(60_000);
    expect([refusal(one, target), refusal(two, sameKey)]).toEqual(["used_up", ""]);
  });

  it("tells a router that starts later", async () => {
    const [one] = routers;
    fail(one, target, { class: "OVERLOADED", retryAfterMs: 20_000 });
    await expect.poll(async () => (await bus.hints.list()).length).toBe(1);
    const late = startRouter("late");
    await expect.poll(() => refusal(late, target)).toBe("hinted");
    await late.hints.close();
  });

  it("does not tell of a refused credential, which may be a matter of one router's files", async () => {
    const [one, two] = routers;
    fail(one, target, { class: "AUTH_FAILED" });
    fail(one, otherKey, { class: "RATE_LIMITED", retryAfterMs: 5_000 });
    await expect.poll(() => refusal(two, otherKey)).toBe("hinted");
    expect(refusal(two, target)).toBe("");
  });

  it("holds no name, address or reference in clear", async () => {
    const [one] = routers;
    fail(one, target, { class: "RATE_LIMITED", retryAfterMs: 5_000 });
    await expect.poll(async () => (await bus.hints.list()).length).toBe(1);
    const [entry] = await bus.hints.list();
    const text = `${entry?.key} ${Buffer.from(entry?.value ?? []).toString("latin1")}`;
    expect(text).not.toMatch(/KEY|p\.example|deployments/);
    expect(entry?.key).toMatch(/^deployment\.[0-9a-f]{32}$/);
  });

  it("takes foreign bytes for nothing", async () => {
    const [one, two] = routers;
    fail(one, target, { class: "RATE_LIMITED", retryAfterMs: 5_000 });
    await expect.poll(async () => (await bus.hints.list()).length).toBe(1);
    const [entry] = await bus.hints.list();
    clock.advance(5_000);
    await bus.hints.put(entry?.key ?? "", Buffer.from([255, 255, 255]));
    await bus.hints.put("last", new Uint8Array(0));
    fail(one, otherKey, { class: "RATE_LIMITED", retryAfterMs: 5_000 });
    await expect.poll(() => refusal(two, otherKey)).toBe("hinted");
    expect(refusal(two, target)).toBe("");
  });

  it("costs a router nothing when the bus is away", async () => {
    const alone = createMemoryBus({ clock });
    await alone.close();
    const router = startRouter("alone", alone.hints);
    fail(router, target, { class: "RATE_LIMITED", retryAfterMs: 5_000 });
    expect(refusal(router, target)).toBe("cooldown");
    await router.hints.close();
  });
});
