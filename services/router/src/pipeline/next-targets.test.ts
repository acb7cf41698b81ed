import { failureReasons } from "@penstock/formats";
import type { FailureClass } from "@penstock/formats";
import type { CompiledTarget } from "@penstock/snapshot";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nextTargets } from "./next-targets.ts";
import type { TargetChoice } from "./next-targets.ts";

interface Sketch {
  readonly kind?: string;
  readonly origin?: string;
  readonly credential?: string;
  readonly model?: string;
  readonly contextTokens?: bigint;
}

function target(name: string, sketch: Sketch = {}): CompiledTarget {
  const { kind = "openai", origin = "https://o.example", credential = "env:ONE" } = sketch;
  const { model = name, contextTokens } = sketch;
  const pathPrefix = "/v1";
  const provider = { name: `providers/${name}`, kind, origin, pathPrefix, credential };
  return {
    deployment: { name, model, provider, capabilities: { contextTokens } },
  } as unknown as CompiledTarget;
}

function choose(failureClass: FailureClass, change: Partial<TargetChoice>): string[] {
  const choice: TargetChoice = {
    failed: target("failed"),
    failure: { class: failureClass },
    remaining: [],
    contentFilterFallback: false,
    orderWished: false,
    modelOf: () => undefined,
    vendorBudget: true,
    attemptsLeft: 2,
    ...change,
  };
  const { targets, dropped } = nextTargets(choice);
  const all = [...targets, ...dropped.map(({ target: one }) => one)];
  expect(new Set(all)).toEqual(new Set(choice.remaining));
  return targets.map(({ deployment }) => deployment.name);
}

const elsewhere = target("elsewhere", { kind: "anthropic", origin: "https://a.example" });
const otherKey = target("other key", { credential: "env:TWO" });
const otherRegion = target("other region", { origin: "https://eu.example" });
const sameKey = target("same key");

describe("nextTargets", () => {
  it("takes another key or region of the vendor first where the failure is one of the access", () => {
    const remaining = [elsewhere, sameKey, otherKey, otherRegion];
    expect(choose("RATE_LIMITED", { remaining })).toEqual([
      "other key",
      "other region",
      "elsewhere",
      "same key",
    ]);
    expect(choose("UPSTREAM_ERROR", { remaining })).toEqual([
      "elsewhere",
      "same key",
      "other key",
      "other region",
    ]);
  });

  it("tries all of one model before those of the next", () => {
    const remaining = [elsewhere, otherKey];
    const modelOf = (target: CompiledTarget) => (target === otherKey ? "second" : undefined);
    expect(choose("RATE_LIMITED", { remaining, modelOf })).toEqual(["elsewhere", "other key"]);
  });

  it("keeps to an order that the caller wished for", () => {
    const remaining = [elsewhere, otherKey];
    expect(choose("RATE_LIMITED", { remaining, orderWished: true })).toEqual([
      "elsewhere",
      "other key",
    ]);
  });

  it("takes servers of the same format for one vendor by their address alone", () => {
    const kind = "openai-compatible";
    const failed = target("failed", { kind });
    const other = target("other", { kind, origin: "https://o2.example" });
    const key = target("key", { kind, credential: "env:TWO" });
    expect(choose("RATE_LIMITED", { failed, remaining: [other, key] })).toEqual(["key", "other"]);
  });

  it("goes on to larger contexts only", () => {
    const failed = target("failed", { contextTokens: 8n });
    const remaining = [
      target("smaller", { contextTokens: 4n }),
      target("equal", { contextTokens: 8n }),
      target("larger", { contextTokens: 9n }),
      target("unknown"),
      target("copy", { model: "failed" }),
    ];
    expect(choose("CONTEXT_TOO_LONG", { failed, remaining })).toEqual(["larger", "unknown"]);
  });

  it("shows refused content to another provider only where the route allows it", () => {
    const remaining = [elsewhere];
    expect(choose("CONTENT_FILTERED", { remaining })).toEqual([]);
    const allowed = choose("CONTENT_FILTERED", { remaining, contentFilterFallback: true });
    expect(allowed).toEqual(["elsewhere"]);
  });

  it("leaves a failing vendor alone once its budget is used up, but not for limits", () => {
    const remaining = [sameKey, otherKey, elsewhere];
    expect(choose("UPSTREAM_ERROR", { remaining, vendorBudget: false })).toEqual(["elsewhere"]);
    expect(choose("RATE_LIMITED", { remaining, vendorBudget: false })).toHaveLength(3);
  });

  it("does not spend the last attempt on a vendor that fails while another was never asked", () => {
    const remaining = [otherKey, elsewhere, sameKey];
    expect(choose("UPSTREAM_ERROR", { remaining, attemptsLeft: 1 })).toEqual([
      "elsewhere",
      "other key",
      "same key",
    ]);
    expect(choose("UPSTREAM_ERROR", { remaining: [otherKey], attemptsLeft: 1 })).toHaveLength(1);
  });

  it("never invents a target, and never goes back to a credential that is used up", () => {
    const sketch = fc.record({
      kind: fc.constantFrom("openai", "openai-compatible", "anthropic"),
      origin: fc.constantFrom("https://a.example", "https://b.example"),
      credential: fc.constantFrom("env:ONE", "env:TWO"),
      model: fc.constantFrom("m", "n"),
      contextTokens: fc.constantFrom(1n, 2n),
    });
    const classes = fc.constantFrom(...(Object.keys(failureReasons) as FailureClass[]));
    fc.assert(
      fc.property(
        fc.array(sketch, { minLength: 1, maxLength: 6 }),
        classes,
        (sketches, failure) => {
          const [failed, ...remaining] = sketches.map((one, at) => target(String(at), one));
          if (failed === undefined) return;
          const chosen = choose(failure, { failed, remaining });
          expect(new Set(chosen).size).toBe(chosen.length);
          const planned = remaining.map(({ deployment }) => deployment.name);
          for (const name of chosen) expect(planned).toContain(name);
          if (failure !== "QUOTA_EXHAUSTED") return;
          for (const { deployment } of remaining) {
            const { credential, origin } = deployment.provider;
            const { provider } = failed.deployment;
            if (credential === provider.credential && origin === provider.origin) {
              expect(chosen).not.toContain(deployment.name);
            }
          }
        },
      ),
    );
  });
});
