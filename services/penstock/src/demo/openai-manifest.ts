interface OpenaiModel {
  readonly model: string;
  readonly input: string;
  readonly cached: string;
  readonly output: string;
  readonly reasoning: boolean;
}

/** US dollars per million tokens, standard tier, as published in June 2026. */
const models: readonly OpenaiModel[] = [
  { model: "gpt-5.5", input: "5", cached: "0.50", output: "30", reasoning: true },
  { model: "gpt-5.4", input: "2.50", cached: "0.25", output: "15", reasoning: true },
  { model: "gpt-5.4-mini", input: "0.75", cached: "0.075", output: "4.50", reasoning: true },
  { model: "gpt-5-mini", input: "0.25", cached: "0.025", output: "2", reasoning: true },
  { model: "gpt-4.1", input: "2", cached: "0.50", output: "8", reasoning: false },
  { model: "gpt-4.1-mini", input: "0.40", cached: "0.10", output: "1.60", reasoning: false },
  { model: "gpt-4o-mini", input: "0.15", cached: "0.075", output: "0.60", reasoning: false },
];

/** The provider whose presence says that OpenAI was set up before. */
export const openaiProviderName = "providers/openai";

/**
 * OpenAI with the key in OPENAI_API_KEY: a deployment and a route for each of a few models, under
 * their own names, and their prices.
 */
export function openaiManifest(): string {
  return [provider, priceBook(), ...models.map(deployment), ...models.map(route)].join("---\n");
}

const provider = `kind: Provider
name: ${openaiProviderName}
displayName: OpenAI
labels: { app: openai }
providerKind: openai
credential: env:OPENAI_API_KEY
`;

function priceBook(): string {
  const prices = models.map(
    ({ model, input, cached, output }) => `  - model: ${model}
    inputUsdPerMillionTokens: "${input}"
    cacheReadInputUsdPerMillionTokens: "${cached}"
    outputUsdPerMillionTokens: "${output}"
`,
  );
  return `kind: PriceBook
name: priceBooks/openai
displayName: OpenAI, standard tier
labels: { app: openai }
source: openai.com/api/pricing as of June 2026; check it before you rely on it
prices:
${prices.join("")}`;
}

function deployment({ model, reasoning }: OpenaiModel): string {
  return `kind: Deployment
name: deployments/${idOf(model)}
labels: { app: openai }
provider: ${openaiProviderName}
model: ${model}
priceBook: priceBooks/openai
capabilities: { reasoning: ${reasoning} }
`;
}

function route({ model }: OpenaiModel): string {
  return `kind: Route
name: routes/${idOf(model)}
labels: { app: openai }
match: { models: ["${model}"] }
targets:
  - { deployment: deployments/${idOf(model)} }
`;
}

function idOf(model: string): string {
  return `openai-${model.replaceAll(".", "-")}`;
}
