import { create } from "@bufbuild/protobuf";
import { GenerateRequestSchema } from "@penstock/api";
import { describe, expect, it } from "vitest";
import { planAttempts } from "./plan-attempts.ts";
import type { PlanInput } from "./plan-attempts.ts";
import { sampleSnapshot } from "./sample-snapshot.fixture.ts";

function input(change: Partial<PlanInput> = {}, snapshot = sampleSnapshot()): PlanInput {
  const route = snapshot.routes.get("routes/smart");
  if (route === undefined) throw new Error("the sample has the route");
  return {
    route,
    request: create(GenerateRequestSchema, { model: "smart" }),
    stream: false,
    budgeted: false,
    wallMs: 0,
    admission: () => ({ ok: true }),
    random: () => 0,
    ...change,
  };
}

const names = (made: ReturnType<typeof planAttempts>): string[] =>
  made.targets.map((target) => target.deployment.name);

describe("planAttempts", () => {
  it("orders by priority", () => {
    expect(names(planAttempts(input()))).toEqual(["deployments/a-large", "deployments/b-large"]);
  });

  it("leaves out what is not admitted, with the reason", () => {
    const plan = planAttempts(
      input({
        admission: (target) =>
          target.deployment.name === "deployments/a-large"
            ? { ok: false, reason: "it failed", untilMs: 7 }
            : { ok: true },
      }),
    );
    expect(names(plan)).toEqual(["deployments/b-large"]);
    expect(plan.skipped.map(({ reason }) => reason)).toEqual(["it failed"]);
  });

  it("tries the one that recovers first when health is against all of them", () => {
    const until = { "deployments/a-large": 20, "deployments/b-large": 10 };
    const plan = planAttempts(
      input({
        admission: ({ deployment }) => ({
          ok: false,
          reason: "it failed",
          untilMs: until[deployment.name as keyof typeof until],
          inNeed: true,
        }),
      }),
    );
    expect(names(plan)).toEqual(["deployments/b-large"]);
  });

  it("respects a wait that the provider asked for, even when nothing else is left", () => {
    const plan = planAttempts(
      input({ admission: () => ({ ok: false, reason: "asked to wait", untilMs: 1_000 }) }),
    );
    expect(names(plan)).toEqual([]);
    expect(plan.skipped.map(({ untilMs }) => untilMs)).toEqual([1_000, 1_000]);
  });

  it("draws by weight, all of them in the end", () => {
    const snapshot = sampleSnapshot({
      "routes/smart": {
        route: {
          name: "routes/smart",
          match: { models: ["smart"] },
          strategy: { weighted: {} },
          targets: [
            { deployment: "deployments/a-large", weight: 1 },
            { deployment: "deployments/b-large", weight: 3 },
          ],
        },
      },
    });
    const first = (random: number): string | undefined =>
      names(planAttempts(input({ random: () => random }, snapshot)))[0];
    expect(first(0.24)).toBe("deployments/a-large");
    expect(first(0.26)).toBe("deployments/b-large");
    expect(names(planAttempts(input({ random: () => 0.99 }, snapshot)))).toHaveLength(2);
  });

  it("keeps to the wishes of the request, and never widens the route", () => {
    const plan = (routing: object): string[] =>
      names(
        planAttempts(
          input({ request: create(GenerateRequestSchema, { model: "smart", routing }) }),
        ),
      );
    expect(plan({ onlyProviders: ["providers/b"] })).toEqual(["deployments/b-large"]);
    expect(plan({ ignoreProviders: ["providers/a"] })).toEqual(["deployments/b-large"]);
    expect(plan({ providerOrder: ["providers/b"] })[0]).toBe("deployments/b-large");
    expect(plan({ allowFallbacks: false })).toEqual(["deployments/a-large"]);
    expect(plan({ onlyProviders: ["providers/x"] })).toEqual([]);
    expect(plan({ maxOutputPriceNanoUsdPerMillionTokens: 3_999_999_999n })).toEqual([]);
    const many = planAttempts(
      input({
        request: create(GenerateRequestSchema, { model: "smart", routing: { maxAttempts: 9 } }),
      }),
    );
    expect(many.maxAttempts).toBe(3);
  });

  it("sends nothing without a price past a budget", () => {
    const snapshot = sampleSnapshot({
      "deployments/a-large": {
        deployment: { name: "deployments/a-large", provider: "providers/a", model: "a-large" },
      },
    });
    expect(names(planAttempts(input({ budgeted: true }, snapshot)))).toEqual([
      "deployments/b-large",
    ]);
    expect(names(planAttempts(input({}, snapshot)))).toHaveLength(2);
  });

  it("leaves out targets that lack what the request needs", () => {
    const snapshot = sampleSnapshot({
      "deployments/a-large": {
        deployment: {
          name: "deployments/a-large",
          provider: "providers/a",
          model: "a-large",
          capabilities: { tools: false, streaming: false, maxOutputTokens: "10" },
        },
      },
    });
    const request = (init: object) => create(GenerateRequestSchema, { model: "smart", ...init });
    const first = (change: Partial<PlanInput>): string | undefined =>
      names(planAttempts(input(change, snapshot)))[0];
    expect(first({})).toBe("deployments/a-large");
    expect(first({ stream: true })).toBe("deployments/b-large");
    expect(first({ request: request({ tools: [{ name: "f" }] }) })).toBe("deployments/b-large");
    expect(first({ request: request({ sampling: { maxOutputTokens: 11 } }) })).toBe(
      "deployments/b-large",
    );
  });
});
