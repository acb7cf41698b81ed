import type { JsonValue } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { describeModel } from "../listeners/describe-model.ts";
import { commonFacts, modelTarget } from "./model-facts.ts";
import { sampleSnapshot } from "./sample-snapshot.fixture.ts";

function targets(a: JsonValue, b: JsonValue, prices: JsonValue) {
  const deployment = (id: string, capabilities: JsonValue): JsonValue => ({
    deployment: {
      name: `deployments/${id}-large`,
      provider: `providers/${id}`,
      model: `${id}-large`,
      priceBook: "priceBooks/prices",
      capabilities,
    },
  });
  const snapshot = sampleSnapshot({
    "deployments/a-large": deployment("a", a),
    "deployments/b-large": deployment("b", b),
    "priceBooks/prices": { priceBook: { name: "priceBooks/prices", prices } },
  });
  const route = snapshot.routes.get("routes/smart");
  if (route === undefined) throw new Error("the sample has the route");
  return route.targets.map((target) => modelTarget(target, 0));
}

const cheap = {
  model: "a-large",
  inputNanoUsdPerMillionTokens: "1",
  outputNanoUsdPerMillionTokens: "20",
};
const dear = {
  model: "b-large",
  inputNanoUsdPerMillionTokens: "2500000000",
  outputNanoUsdPerMillionTokens: "10",
  cacheReadInputNanoUsdPerMillionTokens: "250000000",
  requestNanoUsd: "12500000",
};

describe("what is said of a model", () => {
  it("holds whichever deployment answers", () => {
    const both = targets(
      { contextTokens: "128000", maxOutputTokens: "4096", tools: true, imageInput: true },
      { contextTokens: "32000", tools: false, imageInput: true, reasoning: true },
      [cheap, dear],
    );
    expect(commonFacts(both)).toMatchObject({
      prices: {
        inputNanoUsdPerMillionTokens: 2_500_000_000n,
        outputNanoUsdPerMillionTokens: 20n,
        // Where the other has no price of its own, it costs that of its input: 1.
        cacheReadInputNanoUsdPerMillionTokens: 250_000_000n,
        requestNanoUsd: 12_500_000n,
      },
      contextTokens: 32_000n,
      capabilities: { tools: false, imageInput: true },
    });
    const { capabilities, maxOutputTokens } = commonFacts(both);
    expect(maxOutputTokens).toBeUndefined();
    expect(capabilities?.reasoning).toBeUndefined();
  });

  it("tells of a tier that is named for large requests alone what small ones are charged", () => {
    const variants = [
      { serviceTier: "flex", aboveInputTokens: "9", inputNanoUsdPerMillionTokens: "3" },
      { aboveInputTokens: "5", inputNanoUsdPerMillionTokens: "7" },
    ];
    const own = { ...cheap, inputNanoUsdPerMillionTokens: "4", variants };
    const both = targets({}, {}, [own, { ...dear, inputNanoUsdPerMillionTokens: "5" }]);
    const told = commonFacts(both).prices?.variants ?? [];
    const inputOf = (tier: string, above: bigint) =>
      told.find((one) => one.serviceTier === tier && one.aboveInputTokens === above)?.prices
        ?.inputNanoUsdPerMillionTokens;
    expect([inputOf("flex", 5n), inputOf("flex", 9n), inputOf("", 5n)]).toEqual([5n, 5n, 7n]);
  });

  it("tells what each tier and size costs, the dearest whichever deployment answers", () => {
    const flex = { serviceTier: "flex", inputNanoUsdPerMillionTokens: "3" };
    const large = {
      aboveInputTokens: "9",
      inputNanoUsdPerMillionTokens: "7",
      audioInputNanoUsdPerMillionTokens: "11",
    };
    const both = targets({}, {}, [
      { ...cheap, inputNanoUsdPerMillionTokens: "4", variants: [flex] },
      { ...dear, inputNanoUsdPerMillionTokens: "5", variants: [large] },
    ]);
    expect(commonFacts(both).prices?.variants).toMatchObject([
      // At the other one, which has no price for the tier, it is large.
      { serviceTier: "flex", aboveInputTokens: 9n, prices: { inputNanoUsdPerMillionTokens: 7n } },
      // The other one has no price for the tier: it costs what it costs without one.
      { serviceTier: "flex", prices: { inputNanoUsdPerMillionTokens: 5n } },
      {
        serviceTier: "",
        aboveInputTokens: 9n,
        prices: { inputNanoUsdPerMillionTokens: 7n, audioInputNanoUsdPerMillionTokens: 11n },
      },
    ]);
    const described = describeModel({
      $typeName: "penstock.inference.v1.Model",
      name: "smart",
      route: "routes/smart",
      deployments: [],
      facts: commonFacts(both),
      targets: both,
    });
    expect(JSON.parse(JSON.stringify(described))).toMatchObject({
      pricing: { input: "0.000000000000005" },
      pricing_variants: [
        { service_tier: "flex", above_input_tokens: 9 },
        { service_tier: "flex", pricing: { input: "0.000000000000005" } },
        {
          above_input_tokens: 9,
          pricing: { input: "0.000000000000007", input_audio: "0.000000000000011" },
        },
      ],
      penstock: {
        targets: [
          { pricing_variants: [{ service_tier: "flex", pricing: { input: "0.000000000000003" } }] },
          { pricing_variants: [{ above_input_tokens: 9 }] },
        ],
      },
    });
  });

  it("tells what writes cost that a cache keeps for an hour", () => {
    const hour = {
      cacheWriteInputNanoUsdPerMillionTokens: "5",
      cacheWrite1hInputNanoUsdPerMillionTokens: "8",
    };
    const other = { ...dear, inputNanoUsdPerMillionTokens: "2" };
    const pricesOf = (of: JsonValue) => commonFacts(targets({}, {}, [{ ...cheap, ...hour }, of]));
    expect(pricesOf(other).prices?.cacheWrite1hInputNanoUsdPerMillionTokens).toBe(8n);
    // Without a price of their own they cost what other writes cost there.
    const dearer = pricesOf({ ...other, cacheWriteInputNanoUsdPerMillionTokens: "9" });
    expect(dearer.prices?.cacheWrite1hInputNanoUsdPerMillionTokens).toBe(9n);
    const none = commonFacts(targets({}, {}, [cheap, dear])).prices;
    expect(none?.cacheWrite1hInputNanoUsdPerMillionTokens).toBeUndefined();
    const model = { name: "smart", route: "routes/smart", deployments: [], targets: [] };
    const described = describeModel({
      $typeName: "penstock.inference.v1.Model",
      ...model,
      facts: dearer,
    });
    expect(described).toMatchObject({ pricing: { input_cache_write_1h: "0.000000000000009" } });
  });

  it("says no price where one deployment has none", () => {
    const both = targets({}, {}, [cheap]);
    expect(both.map(({ facts }) => facts?.prices?.inputNanoUsdPerMillionTokens)).toEqual([
      1n,
      undefined,
    ]);
    expect(commonFacts(both).prices).toBeUndefined();
  });

  it("says the length of vectors only where all agree, and that a deployment makes none", () => {
    const same = targets({ embeddingDimensions: 8 }, { embeddingDimensions: 8 }, []);
    expect(commonFacts(same).embeddingDimensions).toBe(8);
    const other = targets({ embeddingDimensions: 8 }, { embeddings: false }, []);
    expect(commonFacts(other).embeddingDimensions).toBeUndefined();
    expect(commonFacts(other).capabilities?.embeddings).toBe(false);
  });

  it("is told over HTTP with prices as exact decimal text, in USD per token", () => {
    const both = targets({ contextTokens: "1000" }, { contextTokens: "2000" }, [cheap, dear]);
    const told = describeModel({
      $typeName: "penstock.inference.v1.Model",
      name: "smart",
      route: "routes/smart",
      deployments: [],
      facts: commonFacts(both),
      targets: both,
    });
    expect(JSON.parse(JSON.stringify(told))).toMatchObject({
      id: "smart",
      object: "model",
      owned_by: "penstock",
      context_window: 1_000,
      pricing: {
        input: "0.0000025",
        output: "0.00000000000002",
        input_cache_read: "0.00000025",
        request: "0.0125",
      },
      capabilities: { streaming: true },
      penstock: {
        route: "routes/smart",
        targets: [
          {
            deployment: "deployments/a-large",
            provider: "providers/a",
            model: "a-large",
            context_window: 1_000,
            pricing: { input: "0.000000000000001", output: "0.00000000000002" },
          },
          { deployment: "deployments/b-large", context_window: 2_000 },
        ],
      },
    });
  });
});
