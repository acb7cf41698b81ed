import { create } from "@bufbuild/protobuf";
import { GenerateRequestSchema } from "@penstock/api";
import { describe, expect, it } from "vitest";
import { GatewayError } from "@penstock/errors";
import type { OrderFacts } from "../choosing/order-targets.ts";
import { resolveWishes } from "../choosing/resolve-wishes.ts";
import { planAttempts } from "./plan-attempts.ts";
import type { PlanInput } from "./plan-attempts.ts";
import { sampleSnapshot } from "./sample-snapshot.fixture.ts";

function input(change: Partial<PlanInput> = {}, snapshot = sampleSnapshot()): PlanInput {
  const route = snapshot.routes.get("routes/smart");
  if (route === undefined) throw new Error("the sample has the route");
  return {
    route,
    fallbacks: [],
    request: create(GenerateRequestSchema, { model: "smart" }),
    vectors: undefined,
    stream: false,
    budgeted: false,
    wallMs: 0,
    inputTokens: 0,
    wishes: undefined,
    dialect: undefined,
    deniedProviders: undefined,
    conditionFacts: () => {
      throw new Error("no target has a condition");
    },
    admission: () => ({ ok: true }),
    mayTryOpen: () => true,
    facts: () => facts,
    warm: undefined,
    issuer: undefined,
    ...change,
  };
}

const facts: OrderFacts = {
  latency: () => ({ firstTokenMs: undefined, quietMs: Infinity }),
  inFlight: () => 0,
  tokensPerSecond: () => undefined,
  cost: () => undefined,
  random: () => 0,
};

const names = (made: ReturnType<typeof planAttempts>): string[] =>
  made.targets.map((target) => target.deployment.name);

describe("planAttempts", () => {
  it("orders by priority", () => {
    expect(names(planAttempts(input()))).toEqual(["deployments/a-large", "deployments/b-large"]);
  });

  it("gathers nothing to order by where the route has one target", () => {
    const made = input();
    const [only] = made.route.targets;
    if (only === undefined) throw new Error("the sample has targets");
    const route = { ...made.route, strategy: "least_latency" as const, targets: [only] };
    const plan = planAttempts({
      ...made,
      route,
      warm: only.deployment.name,
      facts: () => {
        throw new Error("nobody asks");
      },
    });
    expect(plan.targets).toEqual([only]);
  });

  it("leaves out what is not admitted, with the reason", () => {
    const plan = planAttempts(
      input({
        admission: (target) =>
          target.deployment.name === "deployments/a-large"
            ? { ok: false, rule: "x", reason: "it failed", untilMs: 7 }
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
          rule: "breaker_open",
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
      input({
        admission: () => ({ ok: false, rule: "cooldown", reason: "asked to wait", untilMs: 1_000 }),
      }),
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
      names(
        planAttempts(input({ facts: () => ({ ...facts, random: () => random }) }, snapshot)),
      )[0];
    expect(first(0.24)).toBe("deployments/a-large");
    expect(first(0.26)).toBe("deployments/b-large");
    expect(
      names(planAttempts(input({ facts: () => ({ ...facts, random: () => 0.99 }) }, snapshot))),
    ).toHaveLength(2);
  });

  it("keeps to the wishes of the request, and never widens the route", () => {
    const snapshot = sampleSnapshot();
    const plan = (routing: object): string[] => {
      const request = create(GenerateRequestSchema, { model: "smart", routing });
      const wishes = resolveWishes(request.routing!, undefined, {
        providers: snapshot.providers,
        routes: [],
      });
      if (wishes instanceof GatewayError) throw wishes;
      return names(planAttempts(input({ request, wishes }, snapshot)));
    };
    expect(plan({ onlyProviders: ["providers/b"] })).toEqual(["deployments/b-large"]);
    expect(plan({ ignoreProviders: ["providers/a"] })).toEqual(["deployments/b-large"]);
    expect(plan({ providerOrder: ["providers/b"] })[0]).toBe("deployments/b-large");
    expect(plan({ allowFallbacks: false })).toEqual(["deployments/a-large"]);
    expect(plan({ onlyProviders: ["b"], ignoreProviders: ["b"] })).toEqual([]);
    expect(plan({ maxInputPriceNanoUsdPerMillionTokens: 999_999_999n })).toEqual([]);
    expect(plan({ maxRequestPriceNanoUsd: 0n })).toHaveLength(2);
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
    const plan = planAttempts(input({ budgeted: true }, snapshot));
    expect(names(plan)).toEqual(["deployments/b-large"]);
    expect(plan.skipped[0]?.reason).toContain("give it a priceBook");
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

  it("asks all targets of one model before those of the next, each once", () => {
    const snapshot = sampleSnapshot({
      "routes/other": {
        route: {
          name: "routes/other",
          match: { models: ["other"] },
          targets: [{ deployment: "deployments/b-large" }, { deployment: "deployments/c" }],
        },
      },
      "deployments/c": {
        deployment: { name: "deployments/c", provider: "providers/b", model: "c" },
      },
    });
    const other = snapshot.routes.get("routes/other")!;
    const plan = planAttempts(input({ fallbacks: [{ model: "other", route: other }] }, snapshot));
    expect(names(plan)).toEqual(["deployments/a-large", "deployments/b-large", "deployments/c"]);
    expect(plan.targets.map((target) => plan.models?.get(target))).toEqual([
      undefined,
      undefined,
      "other",
    ]);
  });

  it("leaves parameters out unless they are required, and names the rule", () => {
    const snapshot = sampleSnapshot({
      "deployments/a-large": {
        deployment: {
          name: "deployments/a-large",
          provider: "providers/a",
          model: "a-large",
          capabilities: { seed: false },
        },
      },
    });
    const plan = (requireParameters: boolean) =>
      planAttempts(
        input(
          {
            request: create(GenerateRequestSchema, {
              model: "smart",
              sampling: { seed: 1n },
              routing: { requireParameters },
            }),
          },
          snapshot,
        ),
      );
    expect(names(plan(false))).toHaveLength(2);
    expect(names(plan(true))).toEqual(["deployments/b-large"]);
    expect(plan(true).skipped).toMatchObject([
      { rule: "require_parameters", reason: "it lacks seeds", forGood: true },
    ]);
  });

  it("goes where the prompt cache is warm, unless the caller says an order", () => {
    const warm = "deployments/b-large";
    expect(names(planAttempts(input({ warm })))[0]).toBe(warm);
    const rank = new Map([["providers/a", 0]]);
    const wishes = { only: undefined, ignore: new Set<string>(), rank };
    expect(names(planAttempts(input({ warm, wishes })))[0]).toBe("deployments/a-large");
    expect(names(planAttempts(input({ issuer: "providers/b" })))[0]).toBe("deployments/b-large");
  });

  it("leaves out what policies and conditions exclude", () => {
    const deniedProviders = new Map([["providers/a", "policies/eu"]]);
    expect(planAttempts(input({ deniedProviders })).skipped).toMatchObject([
      { rule: "policies/eu", forGood: true },
    ]);
  });

  it("leaves out targets that would not be sent what only another format knows", () => {
    const plan = (requireParameters: boolean) =>
      planAttempts(
        input({
          request: create(GenerateRequestSchema, {
            model: "smart",
            formatParameters: { "openai-responses": { max_tool_calls: 3 } },
            routing: { requireParameters },
          }),
        }),
      );
    expect(names(plan(false))).toHaveLength(2);
    expect(plan(true).skipped.map(({ rule, reason }) => [rule, reason])[0]).toEqual([
      "require_parameters",
      "it would not get all: parameter_dropped: max_tool_calls, which only openai-responses knows",
    ]);
  });
});
