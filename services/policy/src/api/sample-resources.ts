import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { fromJson } from "@bufbuild/protobuf";
import type { Resource } from "@penstock/api";
import { ResourceSchema } from "@penstock/api";

/** A resource of proto JSON, for tests. */
export function resourceOf(json: JsonValue): Resource {
  return fromJson(ResourceSchema, json);
}

/** One resource of each kind, each after those it refers to. */
export const sampleJson = {
  team: { name: "teams/blue", displayName: "Blue", labels: { app: "demo" } },
  provider: {
    name: "providers/alpha",
    kind: "openai-compatible",
    baseUrl: "http://127.0.0.1:8084/alpha/v1",
    privateNetwork: true,
    labels: { app: "demo" },
  },
  priceBook: {
    name: "priceBooks/list",
    prices: [
      {
        model: "*",
        inputNanoUsdPerMillionTokens: "150000000",
        outputNanoUsdPerMillionTokens: "600000000",
      },
    ],
    labels: { app: "demo" },
  },
  project: { name: "projects/shop", team: "teams/blue", labels: { app: "demo" } },
  deployment: {
    name: "deployments/alpha-large",
    provider: "providers/alpha",
    model: "large",
    priceBook: "priceBooks/list",
    labels: { app: "demo" },
  },
  virtualKey: { name: "projects/shop/virtualKeys/web", labels: { app: "demo" } },
  route: {
    name: "routes/smart",
    match: { models: ["smart"] },
    targets: [{ deployment: "deployments/alpha-large" }],
    labels: { app: "demo" },
  },
  policy: { name: "policies/models", denyModels: ["secret-*"], labels: { app: "demo" } },
  limit: {
    name: "limits/per-minute",
    scope: { project: "projects/shop" },
    requestsPerMinute: "60",
    labels: { app: "demo" },
  },
  budget: {
    name: "budgets/month",
    scope: { team: "teams/blue" },
    amountNanoUsd: "12500000000",
    period: "BUDGET_PERIOD_MONTH",
    labels: { app: "demo" },
  },
} satisfies Record<string, JsonObject>;

/** All of them as an apply request takes them. */
export function sampleResources(): Resource[] {
  return Object.entries(sampleJson).map(([kind, json]) => resourceOf({ [kind]: json }));
}
