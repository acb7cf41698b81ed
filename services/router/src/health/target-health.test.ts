import type { FailureClass } from "@penstock/formats";
import { monotonicMs } from "@penstock/limits";
import type { CompiledDeployment } from "@penstock/snapshot";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TargetHealthBook } from "./target-health.ts";

function deployment(name = "a", overrides: object = {}): CompiledDeployment {
  return {
    name: `deployments/${name}`,
    provider: { name: "providers/p", origin: "https://p.example", credential: "env:KEY" },
    model: "m",
    path: "/v1/chat/completions",
    streamPath: "/v1/chat/completions",
    region: "",
    maxConcurrentRequests: 32,
    ...overrides,
  } as unknown as CompiledDeployment;
}

class Harness {
  now = 0;
  readonly book = new TargetHealthBook(() => 0.5);

  attempt(target: CompiledDeployment, outcome: FailureClass | "OK", retryAfterMs?: number): void {
    this.book.began(target, monotonicMs(this.now));
    this.book.ended(target, { class: outcome, retryAfterMs }, monotonicMs(this.now));
  }

  admit(target: CompiledDeployment) {
    return this.book.admit(target, monotonicMs(this.now));
  }
}

describe("TargetHealthBook", () => {
  it("tells of each opening of a breaker with its cause and the next try, and of its closing", () => {
    const harness = new Harness();
    const told: unknown[] = [];
    harness.book.onBreaker = (event) => void told.push(event);
    const target = deployment();
    for (let failure = 0; failure < 5; failure += 1) harness.attempt(target, "UPSTREAM_ERROR");
    const opened = { state: "open", deployment: "deployments/a", class: "UPSTREAM_ERROR" };
    expect(told).toEqual([{ ...opened, retryInMs: 5_000, openings: 1 }]);
    harness.now += 5_000;
    harness.attempt(target, "TIMEOUT_FIRST_TOKEN");
    expect(told.slice(1)).toEqual([
      { ...opened, class: "TIMEOUT_FIRST_TOKEN", retryInMs: 10_000, openings: 2 },
    ]);
    harness.now += 10_000;
    for (let success = 0; success < 4; success += 1) harness.attempt(target, "OK");
    expect(told.slice(2)).toEqual([{ state: "closed", deployment: "deployments/a" }]);
  });

  it("opens the breaker after 5 failures in a row and lets one probe through after 5 s", () => {
    const harness = new Harness();
    const target = deployment();
    for (let failure = 0; failure < 4; failure += 1) harness.attempt(target, "UPSTREAM_ERROR");
    expect(harness.admit(target)).toEqual({ ok: true });
    harness.attempt(target, "UPSTREAM_ERROR");
    expect(harness.admit(target)).toEqual({ ok: false, reason: "breaker_open", untilMs: 5_000 });
    harness.now = 5_000;
    expect(harness.admit(target)).toEqual({ ok: true });
    harness.book.began(target, monotonicMs(harness.now));
    expect(harness.admit(target)).toMatchObject({ ok: false, reason: "probing" });
    harness.book.ended(target, { class: "OK" }, monotonicMs(harness.now));
    harness.attempt(target, "OK");
    harness.attempt(target, "OK");
    harness.book.began(target, monotonicMs(harness.now));
    expect(harness.admit(target)).toEqual({ ok: true });
  });

  it("doubles the open time when the probe fails", () => {
    const harness = new Harness();
    const target = deployment();
    for (let failure = 0; failure < 5; failure += 1) harness.attempt(target, "CONNECTION");
    harness.now = 5_000;
    harness.attempt(target, "CONNECTION");
    expect(harness.admit(target)).toEqual({ ok: false, reason: "breaker_open", untilMs: 15_000 });
  });

  it("opens at half of 20 attempts in 30 s, and not when they lie further apart", () => {
    const harness = new Harness();
    const quick = deployment("quick");
    const slow = deployment("slow");
    for (let round = 0; round < 11; round += 1) {
      harness.attempt(quick, "OK");
      harness.attempt(quick, "UPSTREAM_ERROR");
    }
    expect(harness.admit(quick)).toMatchObject({ reason: "breaker_open" });
    for (let round = 0; round < 30; round += 1) {
      harness.now += 5_000;
      harness.attempt(slow, "OK");
      harness.attempt(slow, "UPSTREAM_ERROR");
    }
    expect(harness.admit(slow)).toEqual({ ok: true });
  });

  it("obeys a wait the provider asked for, within 1 s and a day, without blaming the target", () => {
    const harness = new Harness();
    const target = deployment();
    harness.attempt(target, "RATE_LIMITED", 7_000);
    // A tenth of the wait comes on top, times the draw of 0.5.
    expect(harness.admit(target)).toEqual({ ok: false, reason: "cooldown", untilMs: 7_350 });
    harness.now = 7_350;
    expect(harness.admit(target)).toEqual({ ok: true });
    harness.attempt(target, "RATE_LIMITED", 99_999_999);
    expect(harness.admit(target)).toMatchObject({ untilMs: 86_407_350 });
    expect(harness.book.lastFailureMs(target)).toBe(-Infinity);
  });

  it("keeps a refused credential out for 5 min in all its deployments, then one probe", () => {
    const harness = new Harness();
    const [one, two] = [deployment("one"), deployment("two")];
    harness.attempt(one, "AUTH_FAILED");
    expect(harness.admit(two)).toEqual({
      ok: false,
      reason: "credential_refused",
      untilMs: 300_000,
    });
    harness.now = 300_000;
    expect(harness.admit(two)).toEqual({ ok: true });
    harness.book.began(two, monotonicMs(harness.now));
    expect(harness.admit(one)).toMatchObject({ ok: false, reason: "probing" });
    harness.book.ended(two, { class: "OK" }, monotonicMs(harness.now));
    expect(harness.admit(one)).toEqual({ ok: true });
  });

  it("asks again what was refused to a secret once another one stands behind the reference", () => {
    const harness = new Harness();
    const of = (name: string, credential: string): CompiledDeployment => {
      const provider = { name: "providers/p", origin: "https://p.example", credential };
      return deployment(name, { provider, model: name });
    };
    const [one, two] = [of("one", "file:/key"), of("two", "file:/key")];
    const [forbidden, other] = [of("forbidden", "file:/key"), of("other", "file:/other")];
    const said = 'HTTP status 401 invalid_api_key "Wrong key"';
    for (const target of [one, other]) {
      harness.book.began(target, monotonicMs(0));
      harness.book.ended(target, { class: "AUTH_FAILED", said }, monotonicMs(0));
    }
    harness.attempt(forbidden, "PERMISSION");
    expect(harness.admit(two)).toMatchObject({ reason: "credential_refused" });
    const refusals = () =>
      harness.book.list(monotonicMs(harness.now)).map(({ refusal }) => refusal);
    expect(refusals()).toEqual([said, said, said, said]);
    harness.book.credentialChanged("file:/key");
    for (const target of [one, two, forbidden]) expect(harness.admit(target)).toEqual({ ok: true });
    expect(harness.admit(other)).toMatchObject({ reason: "credential_refused" });
    expect(refusals()).toEqual(["", "", said, ""]);
    harness.now = 300_000;
    expect(refusals()).toEqual(["", "", "", ""]);
  });

  it("keeps out what was overloaded, whatever the secret", () => {
    const harness = new Harness();
    const target = deployment();
    harness.attempt(target, "RATE_LIMITED", 7_000);
    harness.book.credentialChanged(target.provider.credential);
    expect(harness.admit(target)).toMatchObject({ reason: "cooldown" });
  });

  it.each([
    ["key", "same key", "QUOTA_EXHAUSTED", "used_up"],
    ["model", "same model", "OVERLOADED", "cooldown"],
    ["provider", "same provider", "PERMISSION", "deployment_refused"],
    ["deployment", "", "PERMISSION", "deployment_refused"],
    ["none", "nobody", "OVERLOADED", undefined],
  ] as const)("cools the %s and nothing else", (cooldown, alike, failure, reason) => {
    const harness = new Harness();
    const [p, elsewhere] = ["https://p.example", "https://q.example"];
    const of = (name: string, provider: object, model: string): CompiledDeployment =>
      deployment(name, { provider: { origin: p, ...provider }, model });
    const failed = of("failed", { name: "providers/p", credential: "env:ONE" }, "m");
    const others = {
      "same key": of("a", { name: "providers/x", credential: "env:ONE" }, "other"),
      "same model": of("b", { name: "providers/y", credential: "env:TWO" }, "m"),
      "same provider": of("c", { name: "providers/p", credential: "env:TWO" }, "other"),
      unrelated: of("d", { name: "providers/z", credential: "env:ONE", origin: elsewhere }, "m"),
    };
    harness.book.began(failed, monotonicMs(0));
    harness.book.ended(failed, { class: failure, cooldown }, monotonicMs(0));
    const admitted = harness.admit(failed);
    expect(admitted.ok ? undefined : admitted.reason).toBe(reason);
    const out = Object.entries(others).filter(([, other]) => !harness.admit(other).ok);
    expect(out.map(([name]) => name)).toEqual(alike in others ? [alike] : []);
  });

  it("leaves an account that is used up alone as long as it says, then lets one probe through", () => {
    const harness = new Harness();
    const target = deployment();
    harness.attempt(target, "QUOTA_EXHAUSTED", 32_400_000);
    harness.now = 32_399_999;
    expect(harness.admit(target)).toEqual({ ok: false, reason: "used_up", untilMs: 32_400_000 });
    harness.now = 32_400_000;
    harness.book.began(target, monotonicMs(harness.now));
    expect(harness.admit(deployment("b"))).toMatchObject({ ok: false, reason: "probing" });
    harness.book.ended(target, { class: "OK" }, monotonicMs(harness.now));
    expect(harness.admit(deployment("b"))).toEqual({ ok: true });
  });

  it("halves the concurrency once per burst of refusals and grows it again", () => {
    const harness = new Harness();
    const target = deployment();
    for (let refusal = 0; refusal < 5; refusal += 1) harness.attempt(target, "RATE_LIMITED", 1_000);
    expect(harness.book.list(monotonicMs(0))[0]?.concurrencyLimit).toBe(16);
    harness.now = 1_000;
    for (let success = 0; success < 16; success += 1) harness.attempt(target, "OK");
    expect(harness.book.list(monotonicMs(harness.now))[0]?.concurrencyLimit).toBe(17);
    for (let refusal = 0; refusal < 5; refusal += 1) {
      harness.now += 60_000;
      harness.attempt(target, "OVERLOADED");
    }
    expect(harness.book.list(monotonicMs(harness.now))[0]?.concurrencyLimit).toBe(8);
  });

  it("calls a target full at its limit", () => {
    const harness = new Harness();
    const target = deployment("small", { maxConcurrentRequests: 2 });
    harness.book.began(target, monotonicMs(0));
    expect(harness.admit(target)).toEqual({ ok: true });
    harness.book.began(target, monotonicMs(0));
    expect(harness.admit(target)).toEqual({ ok: false, reason: "full", untilMs: undefined });
  });

  it("forgets what it knew when the deployment means another model", () => {
    const harness = new Harness();
    for (let failure = 0; failure < 5; failure += 1) harness.attempt(deployment(), "CONNECTION");
    expect(harness.admit(deployment())).toMatchObject({ ok: false });
    expect(harness.admit(deployment("a", { model: "other" }))).toEqual({ ok: true });
  });

  it("learns nothing about a target from an attempt that began on what it was before", () => {
    const harness = new Harness();
    const before = deployment("a", { model: "old", maxConcurrentRequests: 64 });
    const after = deployment();
    harness.book.began(before, monotonicMs(0));
    for (let failure = 0; failure < 5; failure += 1) harness.attempt(after, "UPSTREAM_ERROR");
    harness.book.ended(before, { class: "OK" }, monotonicMs(0));
    expect(harness.admit(after)).toMatchObject({ ok: false, reason: "breaker_open" });
    const [listed] = harness.book.list(monotonicMs(0));
    expect(listed).toMatchObject({ inFlight: 0, concurrencyLimit: 32 });
  });

  it("does not hold a refusal against other providers without a credential", () => {
    const harness = new Harness();
    const origin = "http://proxy.example";
    const of = (name: string): CompiledDeployment =>
      deployment(name, { provider: { name: `providers/${name}`, origin, credential: "" } });
    harness.attempt(of("alpha"), "AUTH_FAILED");
    expect(harness.admit(of("alpha"))).toMatchObject({ reason: "credential_refused" });
    expect(harness.admit(of("beta"))).toEqual({ ok: true });
  });

  it("asks a credential again when its probe ended after the deployment had another one", () => {
    const harness = new Harness();
    const before = deployment();
    harness.attempt(before, "AUTH_FAILED");
    harness.now = 300_000;
    harness.book.began(before, monotonicMs(harness.now));
    const provider = { ...before.provider, credential: "env:OTHER" };
    harness.attempt(deployment("a", { provider }), "OK");
    harness.book.ended(before, { class: "CANCELLED" }, monotonicMs(harness.now));
    expect(harness.admit(deployment("b"))).toEqual({ ok: true });
  });

  it("never keeps a target out for good, whatever happened", () => {
    const classes = ["OK", "UPSTREAM_ERROR", "RATE_LIMITED", "AUTH_FAILED", "CANCELLED"] as const;
    const step = fc.record({ outcome: fc.constantFrom(...classes), pauseMs: fc.nat(20_000) });
    const check = (steps: { outcome: (typeof classes)[number]; pauseMs: number }[]): void => {
      const harness = new Harness();
      const target = deployment();
      for (const { outcome, pauseMs } of steps) {
        harness.now += pauseMs;
        if (harness.admit(target).ok) harness.attempt(target, outcome);
      }
      expect(harness.book.inFlight(target)).toBe(0);
      harness.now += 360_001;
      expect(harness.admit(target)).toEqual({ ok: true });
    };
    fc.assert(fc.property(fc.array(step, { maxLength: 60 }), check));
  });
});
