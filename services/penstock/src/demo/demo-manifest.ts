/** The demo's virtual key. */
export const demoKeyName = "projects/demo/virtualKeys/demo";

/** The vendors of the simulator that the demo uses. */
export const demoVendors = ["alpha", "beta"] as const;

/** Base URL of a simulated vendor, given the simulator's address. */
export function vendorUrl(simulatorUrl: string, vendor: string): string {
  return `${simulatorUrl}/${vendor}/v1`;
}

/**
 * What the first start applies: two simulated vendors with their own prices, a route with
 * fallback, a weighted one, one whose first target always fails, a key and a small budget.
 */
export function demoManifest(simulatorUrl: string): string {
  return [
    caller,
    ...demoVendors.map((vendor) => provider(vendor, vendorUrl(simulatorUrl, vendor))),
    priceBook(
      "alpha",
      { input: "2.50", output: "10", flex: { input: "1.25", output: "5" } },
      { input: "0.15", output: "0.60" },
    ),
    priceBook("beta", { input: "3", output: "15" }, { input: "0.25", output: "1.25" }),
    deployment("alpha-large", "alpha", "alpha-large"),
    deployment("alpha-small", "alpha", "alpha-small"),
    deployment("beta-large", "beta", "beta-large"),
    deployment("beta-small", "beta", "beta-small"),
    deployment("alpha-flaky", "alpha", "alpha-large+status-503"),
    routes,
  ].join("---\n");
}

const caller = `kind: Team
name: teams/demo
displayName: Demo team
labels: { app: demo }
owners: [you]
---
kind: Project
name: projects/demo
displayName: Demo project
labels: { app: demo }
team: teams/demo
---
kind: VirtualKey
name: ${demoKeyName}
displayName: Demo key
labels: { app: demo }
---
kind: Budget
name: budgets/demo
displayName: What the demo key may spend a day
labels: { app: demo }
scope: { virtualKey: ${demoKeyName} }
amountUsd: "5"
period: DAY
`;

const routes = `kind: Route
name: routes/smart
displayName: Alpha, and Beta when Alpha fails
labels: { app: demo }
match: { models: [smart] }
strategy: { priority: {} }
targets:
  - { deployment: deployments/alpha-large, priority: 0 }
  - { deployment: deployments/beta-large, priority: 1 }
---
kind: Route
name: routes/cheap
displayName: Three of four requests to Alpha
labels: { app: demo }
match: { models: [cheap] }
strategy: { weighted: {} }
targets:
  - { deployment: deployments/alpha-small, weight: 3 }
  - { deployment: deployments/beta-small, weight: 1 }
---
kind: Route
name: routes/flaky
displayName: A provider that always fails, and its fallback
labels: { app: demo }
match: { models: [flaky] }
strategy: { priority: {} }
targets:
  - { deployment: deployments/alpha-flaky, priority: 0 }
  - { deployment: deployments/beta-large, priority: 1 }
`;

function provider(vendor: string, url: string): string {
  return `kind: Provider
name: providers/${vendor}
displayName: Simulated vendor ${vendor}
labels: { app: demo }
providerKind: openai-compatible
baseUrl: ${url}
privateNetwork: true
`;
}

interface DemoPrices {
  readonly input: string;
  readonly output: string;
  /** Of the tier `flex`. Absent: it costs the same. */
  readonly flex?: DemoPrices;
}

function priceBook(vendor: string, large: DemoPrices, small: DemoPrices): string {
  const price = (model: string, { input, output, flex }: DemoPrices): string =>
    `  - model: "${model}"
    inputUsdPerMillionTokens: "${input}"
    outputUsdPerMillionTokens: "${output}"
${flex === undefined ? "" : flexVariant(flex)}`;
  const prices = [price(`${vendor}-small`, small), price("*", large)].join("");
  return `kind: PriceBook
name: priceBooks/${vendor}
displayName: Prices of the simulated vendor ${vendor}
labels: { app: demo }
source: made up for the demo
prices:
${prices}`;
}

/** What requests cost that the vendor served as `service_tier: flex`. */
function flexVariant({ input, output }: DemoPrices): string {
  return `    variants:
      - serviceTier: flex
        inputUsdPerMillionTokens: "${input}"
        outputUsdPerMillionTokens: "${output}"
`;
}

function deployment(id: string, vendor: string, model: string): string {
  return `kind: Deployment
name: deployments/${id}
labels: { app: demo }
provider: providers/${vendor}
model: ${model}
priceBook: priceBooks/${vendor}
`;
}
