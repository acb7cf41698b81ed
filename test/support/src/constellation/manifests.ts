/** A team and a project in it; their names are `teams/<id>` and `projects/<id>`. */
export function projectManifest(id: string): string {
  return `kind: Team
name: teams/${id}
---
kind: Project
name: projects/${id}
team: teams/${id}
---
`;
}

/** A simulated vendor as provider `providers/<id>`, with one price for all of its models. */
export function providerManifest(
  id: string,
  baseUrl: string,
  prices: { readonly inputUsd: string; readonly outputUsd: string },
): string {
  return `kind: Provider
name: providers/${id}
providerKind: openai-compatible
baseUrl: ${baseUrl}
privateNetwork: true
---
kind: PriceBook
name: priceBooks/${id}
source: made up for a test
prices:
  - model: "*"
    inputUsdPerMillionTokens: "${prices.inputUsd}"
    outputUsdPerMillionTokens: "${prices.outputUsd}"
---
`;
}

/** A deployment of a provider of `providerManifest`. */
export function deploymentManifest(id: string, provider: string, model: string): string {
  return `kind: Deployment
name: deployments/${id}
provider: providers/${provider}
model: ${model}
priceBook: priceBooks/${provider}
---
`;
}

/** A route for the model of its own name, whose targets are tried in the order given. */
export function routeManifest(
  id: string,
  deployments: readonly string[],
  timeouts?: Readonly<Record<string, string>>,
): string {
  const targets = deployments.map(
    (deployment, priority) =>
      `  - { deployment: deployments/${deployment}, priority: ${priority} }\n`,
  );
  return `kind: Route
name: routes/${id}
match: { models: [${id}] }
strategy: { priority: {} }
targets:
${targets.join("")}${timeouts === undefined ? "" : `timeouts: ${JSON.stringify(timeouts)}\n`}---
`;
}
