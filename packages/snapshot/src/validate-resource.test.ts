import type { JsonObject } from "@bufbuild/protobuf";
import type { Resource } from "@penstock/api";
import { describe, expect, it } from "vitest";

import { entry } from "./example-entries.fixture.ts";
import type { ResourceKind } from "./resource.ts";
import { validateResource } from "./validate-resource.ts";

const good: Record<ResourceKind, JsonObject> = {
  team: { name: "teams/t", owners: ["ann@example.com"], notificationTargets: ["mailto:a@b.c"] },
  project: { name: "projects/p", team: "teams/t" },
  virtualKey: { name: "projects/p/virtualKeys/k", keepaliveInterval: "15s" },
  provider: {
    name: "providers/v",
    kind: "openai",
    credential: "env:OPENAI_API_KEY",
    transport: { allowedCidrs: ["10.0.0.0/8", "fd00::/8"], proxy: "http://proxy.example.com:3128" },
  },
  deployment: { name: "deployments/d", provider: "providers/v", model: "m" },
  route: {
    name: "routes/r",
    scope: { team: "teams/t" },
    match: { models: ["a", "b*"] },
    strategy: { weighted: {} },
    targets: [{ deployment: "deployments/d" }],
  },
  policy: { name: "policies/p", allowModels: ["*"] },
  limit: { name: "limits/l", requestsPerMinute: "0" },
  budget: { name: "budgets/b", period: "BUDGET_PERIOD_MONTH", timeZone: "Europe/Berlin" },
  priceBook: { name: "priceBooks/b", prices: [{ model: "m" }] },
};

const made = (kind: ResourceKind, more: JsonObject = {}): Resource =>
  entry(kind, 1, { ...good[kind], ...more }).resource!;
const target = (more: JsonObject = {}): JsonObject => ({ deployment: "deployments/d", ...more });
/** A route that has a second target to ask. */
const hedged = (hedging: JsonObject): JsonObject => ({
  hedging,
  targets: [target(), target({ deployment: "deployments/e" })],
});

describe("validateResource", () => {
  it.each(Object.keys(good) as ResourceKind[])("finds nothing wrong with a good %s", (kind) => {
    expect(validateResource(made(kind))).toEqual([]);
  });

  it.each<[ResourceKind, JsonObject, string, string]>([
    ["team", { name: "teams/T" }, "name", "INVALID"],
    ["team", { name: "teams/all" }, "name", "INVALID"],
    ["team", { name: "routes/t" }, "name", "INVALID"],
    ["team", { labels: { a: "x".repeat(64) } }, 'labels["a"]', "INVALID"],
    ["team", { notificationTargets: ["ftp://x"] }, "notificationTargets[0]", "INVALID"],
    ["project", { team: "" }, "team", "REQUIRED"],
    ["project", { team: "projects/p" }, "team", "INVALID"],
    ["virtualKey", { maxConcurrentRequests: 0 }, "maxConcurrentRequests", "INVALID"],
    ["virtualKey", { keepaliveInterval: "0.5s" }, "keepaliveInterval", "INVALID"],
    [
      "virtualKey",
      { credentials: [{ id: "x", sha256: `${"A".repeat(43)}=` }] },
      "credentials[0].id",
      "INVALID",
    ],
    ["provider", { kind: "acme" }, "kind", "INVALID"],
    ["provider", { baseUrl: "http://models.example.com" }, "baseUrl", "INVALID"],
    ["provider", { baseUrl: "https://169.254.169.254" }, "baseUrl", "INVALID"],
    ["provider", { kind: "openai-compatible" }, "baseUrl", "INVALID"],
    ["provider", { credential: "sk-secret" }, "credential", "INVALID"],
    ["provider", { credential: "" }, "credential", "REQUIRED"],
    ["provider", { credential: "env:PENSTOCK_SERVICE_TOKEN" }, "credential", "INVALID"],
    ["provider", { transport: { proxy: "https://p:1" } }, "transport.proxy", "INVALID"],
    ["provider", { transport: { proxy: "http://user:pw@p:1" } }, "transport.proxy", "INVALID"],
    ["provider", { transport: { proxy: "http://p:99999" } }, "transport.proxy", "INVALID"],
    ["provider", { transport: { proxy: "http://169.254.169.254" } }, "transport.proxy", "INVALID"],
    [
      "provider",
      { transport: { allowedCidrs: ["10.0.0.0/33"] } },
      "transport.allowedCidrs[0]",
      "INVALID",
    ],
    [
      "provider",
      { transport: { clientKeyFile: "k" } },
      "transport.clientCertificateFile",
      "REQUIRED",
    ],
    ["deployment", { model: "" }, "model", "REQUIRED"],
    ["deployment", { priceBook: "b" }, "priceBook", "INVALID"],
    ["deployment", { timeouts: { firstToken: "0.009s" } }, "timeouts.firstToken", "INVALID"],
    ["deployment", { timeouts: { total: "3601s" } }, "timeouts.total", "INVALID"],
    [
      "deployment",
      { capabilities: { contextTokens: "-1" } },
      "capabilities.contextTokens",
      "INVALID",
    ],
    [
      "deployment",
      { capabilities: { promptCacheLifetime: "86401s" } },
      "capabilities.promptCacheLifetime",
      "INVALID",
    ],
    ["route", { match: { models: [] } }, "match.models", "REQUIRED"],
    ["route", { match: { models: ["a", "a"] } }, "match.models[1]", "INVALID"],
    ["route", { match: { models: ["a*b"] } }, "match.models[0]", "INVALID"],
    ["route", { targets: [] }, "targets", "REQUIRED"],
    ["route", { targets: [{ deployment: "" }] }, "targets[0].deployment", "REQUIRED"],
    ["route", { targets: [target(), target()] }, "targets[1].deployment", "INVALID"],
    ["route", { targets: [target({ weight: 0 })] }, "targets", "INVALID"],
    ["route", { targets: [target({ weight: 1_000_001 })] }, "targets[0].weight", "INVALID"],
    ["route", { maxAttempts: 6 }, "maxAttempts", "INVALID"],
    ["route", { match: { models: ["a"], condition: "model ==" } }, "match.condition", "INVALID"],
    ["route", { targets: [target({ condition: "1" })] }, "targets[0].condition", "INVALID"],
    [
      "route",
      { strategy: { leastLatency: { exploration: 2 } } },
      "strategy.leastLatency.exploration",
      "INVALID",
    ],
    ["route", hedged({ minDelay: "0.299s" }), "hedging.minDelay", "INVALID"],
    ["route", hedged({ maxDelay: "601s" }), "hedging.maxDelay", "INVALID"],
    ["route", hedged({ minDelay: "2s", maxDelay: "1s" }), "hedging.maxDelay", "CONFLICT"],
    ["route", hedged({ percentile: 49 }), "hedging.percentile", "INVALID"],
    ["route", hedged({ maxShare: 0 }), "hedging.maxShare", "INVALID"],
    ["route", hedged({ maxShare: 0.03 }), "hedging.maxShare", "INVALID"],
    ["route", { ...hedged({}), maxAttempts: 1 }, "hedging", "CONFLICT"],
    ["route", { hedging: {} }, "hedging", "CONFLICT"],
    ["policy", { denyProviders: ["openai"] }, "denyProviders[0]", "INVALID"],
    ["route", { scope: { all: false } }, "scope.all", "INVALID"],
    ["route", { scope: {} }, "scope", "REQUIRED"],
    ["policy", { selector: { deployment: "deployments/d" } }, "selector.deployment", "UNSUPPORTED"],
    ["policy", { denyModels: [""] }, "denyModels[0]", "REQUIRED"],
    ["limit", { requestsPerMinute: "-1" }, "requestsPerMinute", "INVALID"],
    ["limit", { selector: { model: "a*" } }, "selector.model", "INVALID"],
    ["budget", { amountNanoUsd: "-1" }, "amountNanoUsd", "INVALID"],
    ["budget", { period: "BUDGET_PERIOD_UNSPECIFIED" }, "period", "REQUIRED"],
    ["budget", { timeZone: "Mars/Olympus" }, "timeZone", "INVALID"],
    ["budget", { onUnavailable: "UNAVAILABLE_MODE_ALLOW" }, "onUnavailable", "INVALID"],
    [
      "priceBook",
      { prices: [{ model: "m", inputNanoUsdPerMillionTokens: "-1" }] },
      "prices[0].inputNanoUsdPerMillionTokens",
      "INVALID",
    ],
    [
      "priceBook",
      { prices: [{ model: "m" }, { model: "m" }] },
      "prices[1].effectiveTime",
      "INVALID",
    ],
    [
      "priceBook",
      { prices: [{ model: "m", cacheWrite1hInputNanoUsdPerMillionTokens: "-1" }] },
      "prices[0].cacheWrite1hInputNanoUsdPerMillionTokens",
      "INVALID",
    ],
    [
      "priceBook",
      { prices: [{ model: "m", variants: [{ serviceTier: "flex" }, { aboveInputTokens: "9" }] }] },
      "prices[0].variants[1].aboveInputTokens",
      "INVALID",
    ],
    [
      "priceBook",
      {
        prices: [
          {
            model: "m",
            variants: [{ serviceTier: "flex", imageInputNanoUsdPerMillionTokens: "-1" }],
          },
        ],
      },
      "prices[0].variants[0].imageInputNanoUsdPerMillionTokens",
      "INVALID",
    ],
    [
      "priceBook",
      { prices: [{ model: "m", variants: [{}] }] },
      "prices[0].variants[0].serviceTier",
      "INVALID",
    ],
  ])("%s %j: %s %s", (kind, more, field, reason) => {
    expect(validateResource(made(kind, more))).toMatchObject([{ field, reason }]);
  });

  it("takes a second call after 300 ms, and only where it may be made", () => {
    const most = { minDelay: "0.3s", maxDelay: "600s", percentile: 99, maxShare: 0.02 };
    for (const hedging of [{}, most, { minDelay: "90s" }]) {
      expect(validateResource(made("route", hedged(hedging)))).toEqual([]);
    }
  });

  it("reports everything at once", () => {
    const route = made("route", { match: {}, targets: [], maxAttempts: 0 });
    expect(validateResource(route).map(({ field }) => field)).toEqual([
      "match.models",
      "targets",
      "maxAttempts",
    ]);
  });

  it("says what a base URL is like where a kind has none of its own", () => {
    const [problem] = validateResource(made("provider", { kind: "google-vertex" }));
    expect(problem).toMatchObject({ field: "baseUrl" });
    expect(problem?.description).toContain("/projects/my-project/locations/europe-west4");
  });

  it.each([
    ["openai", "", "env:NAME or file:PATH"],
    ["openai", "sk-secret", "env:NAME or file:PATH"],
    ["openai", "env:MY-KEY", "env:NAME or file:PATH"],
    ["openai", "aws-default:", "env:NAME or file:PATH"],
    ["openai", "sk-secret\n", "env:NAME or file:PATH"],
    ["aws-bedrock", "aws:", "env:NAME, file:PATH or aws-default:"],
  ])("tells the forms of a credential of %s where %j is given", (kind, credential, forms) => {
    const more = { kind, credential, baseUrl: "https://models.example.com" };
    const problems = validateResource(made("provider", more));
    expect(problems).toMatchObject([{ field: "credential" }]);
    expect(problems[0]?.description).toContain(`: ${forms}`);
    expect(problems[0]?.description).not.toContain("secret\n");
    expect(problems[0]?.description).not.toContain("sk-");
  });

  it("finds what is wrong with the address also where the kind is not known", () => {
    const fields = (baseUrl: string) =>
      validateResource(made("provider", { kind: "opnai", baseUrl })).map(({ field }) => field);
    expect(fields("ftp://x").sort()).toEqual(["baseUrl", "kind"]);
    expect(fields("https://api.example.com")).toEqual(["kind"]);
  });

  it("finds no fault with the credential where only the kind is mistyped", () => {
    const more = { kind: "aws-bedrok", credential: "aws-default:" };
    expect(validateResource(made("provider", more))).toMatchObject([{ field: "kind" }]);
  });

  it("refuses a limit without an amount and a kind that it does not know", () => {
    const limit = entry("limit", 1, { name: "limits/l" }).resource!;
    expect(validateResource(limit)).toMatchObject([{ field: "requestsPerMinute" }]);
    const unknown = { ...limit, resource: { case: undefined } } as Resource;
    expect(validateResource(unknown)).toMatchObject([{ field: "", reason: "UNSUPPORTED" }]);
  });
});
