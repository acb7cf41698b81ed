import type { JsonValue } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import { GenerateRequestSchema, MessageRole, MessageSchema, ToolSchema } from "@penstock/api";
import type { ContentPartSchema, GenerateRequest, UsageEvent } from "@penstock/api";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { FormatName } from "@penstock/formats";
import type { CompiledTarget } from "@penstock/snapshot";
import { describe, expect, it } from "vitest";
import { createPipeline } from "./pipeline.fixture.ts";
import { sampleSnapshot } from "./sample-snapshot.fixture.ts";
import { servedTier } from "./served-tier.ts";

/** So many nano-USD for each input token. */
const each = (nanoUsd: number): JsonValue => ({
  inputNanoUsdPerMillionTokens: String(nanoUsd * 1_000_000),
  outputNanoUsdPerMillionTokens: "0",
});

const budget = (
  large: number,
  more: Record<string, JsonValue> = {},
): Record<string, JsonValue> => ({
  "priceBooks/prices": {
    priceBook: {
      name: "priceBooks/prices",
      prices: [
        {
          model: "*",
          ...(each(10) as object),
          ...more,
          variants: [
            { serviceTier: "flex", ...(each(5) as object) },
            { serviceTier: "priority", ...(each(20) as object) },
            { serviceTier: "flex", aboveInputTokens: large, ...(each(7) as object) },
            { serviceTier: "priority", aboveInputTokens: large, ...(each(40) as object) },
            { aboveInputTokens: large, ...(each(15) as object) },
          ],
        },
      ],
    },
  },
  "budgets/all": {
    budget: {
      name: "budgets/all",
      scope: { all: true },
      amountNanoUsd: "1000000000",
      period: "BUDGET_PERIOD_DAY",
      onUnavailable: "UNAVAILABLE_MODE_ALLOW_CAPPED",
    },
  },
});

const usageOf = (inputTokens: number) => ({ prompt_tokens: inputTokens, completion_tokens: 0 });

interface Told {
  readonly tier?: string;
  readonly inputTokens?: number;
}

/** What is recorded of a request for a tier, answered by what the provider tells. */
function record(asked: Partial<GenerateRequest>, { tier, inputTokens = 100 }: Told): UsageEvent {
  const pipeline = createPipeline(sampleSnapshot(budget(1_000)));
  pipeline.send(asked);
  pipeline.clock.advance(150);
  const call = pipeline.upstream.last;
  call.headers(200);
  call.data(
    JSON.stringify({
      id: "x",
      choices: [{ index: 0, message: { content: "hi" }, finish_reason: "stop" }],
      usage: usageOf(inputTokens),
      ...(tier === undefined ? {} : { service_tier: tier }),
    }),
  );
  call.call.sink.onEnd();
  const [event] = pipeline.spool.finals;
  if (event === undefined) throw new Error("nothing was recorded");
  return event;
}

const costOf = (event: UsageEvent): number => Number(event.costNanoUsd);

describe("the price of a request", () => {
  it("is that of the tier that served it, whatever it asked for", () => {
    const served = record({ serviceTier: "priority" }, { tier: "default" });
    expect(costOf(served)).toBe(1_000);
    expect(served.attempts[0]?.serviceTier).toBe("default");
    expect(costOf(record({ serviceTier: "priority" }, { tier: "priority" }))).toBe(2_000);
    expect(costOf(record({}, { tier: "flex" }))).toBe(500);
    expect(costOf(record({}, { tier: "unheard of" }))).toBe(1_000);
  });

  it("is that of the tier it asked for where the provider does not tell", () => {
    const event = record({ serviceTier: "flex" }, {});
    expect(costOf(event)).toBe(500);
    expect(event.attempts[0]?.serviceTier).toBe("flex");
    expect(costOf(record({ serviceTier: "auto" }, {}))).toBe(1_000);
  });

  it("is another one as a whole above a number of input tokens", () => {
    expect(costOf(record({}, { inputTokens: 1_000 }))).toBe(10_000);
    expect(costOf(record({}, { inputTokens: 1_001 }))).toBe(15_015);
    expect(costOf(record({}, { tier: "priority", inputTokens: 1_001 }))).toBe(40_040);
  });
});

describe("the price of an answer that breaks off", () => {
  const chunk = (fields: object) => ({
    id: "x",
    choices: [{ index: 0, delta: { content: "hi" } }],
    ...fields,
  });
  const message = (usage: object) => ({ type: "message_start", message: { id: "m", usage } });
  const begun = {
    type: "content_block_start",
    index: 0,
    content_block: { type: "text", text: "" },
  };
  const delta = { type: "text_delta", text: "hi" };
  const anthropic = (usage: object) => [
    message({ input_tokens: 10, output_tokens: 1, ...usage }),
    begun,
    { type: "content_block_delta", index: 0, delta },
  ];
  const google = (usageMetadata: object) => [
    { candidates: [{ content: { parts: [{ text: "hi" }] } }], usageMetadata },
  ];

  /** The tiers in the note of how far it is and in the record, once its caller has gone. */
  function tiersOf(format: FormatName, events: readonly object[]): (string | undefined)[] {
    const snapshot = sampleSnapshot(budget(1_000));
    for (const deployment of snapshot.deployments.values()) Object.assign(deployment, { format });
    const pipeline = createPipeline(snapshot);
    const { spool, upstream } = pipeline;
    const { handler } = pipeline.send({ serviceTier: "priority" }, true);
    pipeline.clock.advance(150);
    upstream.last.headers(200, {}, true);
    for (const event of events) upstream.last.data(`data: ${JSON.stringify(event)}\n\n`);
    handler.cancel();
    return [spool.progresses[0], spool.finals[0]].map((event) => event?.attempts[0]?.serviceTier);
  }

  it("is that of the tier that its provider had told by then", () => {
    const chat = (fields: object) => tiersOf("openai-chat", [chunk(fields)]);
    expect(chat({ service_tier: "default" })).toEqual(["default", "default"]);
    expect(chat({})).toEqual(["priority", "priority"]);
    expect(tiersOf("anthropic-messages", anthropic({ service_tier: "standard" }))).toEqual([
      "standard",
      "standard",
    ]);
    expect(tiersOf("anthropic-messages", anthropic({}))).toEqual(["", ""]);
    const flex = google({ promptTokenCount: 1, trafficType: "ON_DEMAND_FLEX" });
    expect(tiersOf("google-generate-content", flex)).toEqual(["flex", "flex"]);
  });
});

describe("what is held of a budget", () => {
  const heldBy = (asked: Partial<GenerateRequest>, large = 1_000): number | undefined => {
    const pipeline = createPipeline(sampleSnapshot(budget(large)));
    return pipeline.send(asked).handler.context.quotaUses[0]?.amount;
  };
  // 100 bytes are taken for 28 tokens.
  const standard = 28 * 10;

  it("is enough for the dearest tier that may serve the request", () => {
    expect(heldBy({ serviceTier: "default" })).toBe(standard);
    expect(heldBy({ serviceTier: "flex" })).toBe(standard);
    expect(heldBy({ serviceTier: "priority" })).toBe(2 * standard);
    expect(heldBy({ serviceTier: "fast" })).toBe(2 * standard);
    // The project's own setting decides.
    expect(heldBy({})).toBe(2 * standard);
    expect(heldBy({ serviceTier: "auto" })).toBe(2 * standard);
  });

  it("is enough for as many tokens as the request may turn out to have", () => {
    expect(heldBy({ serviceTier: "default" }, 100)).toBe(standard);
    expect(heldBy({ serviceTier: "default" }, 99)).toBe(1.5 * standard);
    expect(heldBy({ serviceTier: "priority" }, 99)).toBe(4 * standard);
  });

  type Part = MessageInitShape<typeof ContentPartSchema>;
  type Media = Extract<Part["part"], { case: "media" }>["value"];
  const saying = (...parts: Part[]): Partial<GenerateRequest> => ({
    serviceTier: "default",
    messages: [create(MessageSchema, { role: MessageRole.USER, parts })],
  });
  const media = (value: Media): Part => ({ part: { case: "media", value } });
  const data = { case: "data", value: new Uint8Array(300) } as const;

  /** Nano-USD that are held for each input token. */
  function heldForEach(asked: Partial<GenerateRequest>, more: Record<string, JsonValue> = {}) {
    const pipeline = createPipeline(sampleSnapshot(budget(50_000_000, more)));
    const { estimate, quotaUses } = pipeline.send(asked).handler.context;
    return (quotaUses[0]?.amount ?? 0) / (estimate?.inputTokens ?? 0);
  }

  it("is enough for the largest input where nobody knows how large it gets", () => {
    expect(heldForEach(saying(media({ mediaType: "image/png", source: data })))).toBe(10);
    const page = { case: "uri", value: "https://example.com/a.png" } as const;
    expect(heldForEach(saying(media({ mediaType: "image/png", source: page })))).toBe(15);
    const file = media({ source: { case: "fileId", value: "file_1" } });
    expect(heldForEach(saying(file))).toBe(15);
    const result: Part["part"] = { case: "toolResult", value: { parts: [file] } };
    expect(heldForEach(saying({ part: result }))).toBe(15);
    const own = { format: "openai-responses", content: { type: "web_search" } };
    const tool = (formatPart?: typeof own) => ({
      serviceTier: "default",
      tools: [create(ToolSchema, { name: "t", ...(formatPart && { formatPart }) })],
    });
    expect(heldForEach(tool())).toBe(10);
    expect(heldForEach(tool(own))).toBe(15);
    const searching = { "openai-chat": { web_search_options: {} } };
    expect(heldForEach({ serviceTier: "default", formatParameters: searching })).toBe(15);
  });

  it("is enough for the sound and the pages of files", () => {
    const audio = { audioInputNanoUsdPerMillionTokens: "30000000" };
    const images = { imageInputNanoUsdPerMillionTokens: "40000000" };
    const of = (mediaType: string) => saying(media({ mediaType, source: data }));
    expect(heldForEach(of("audio/wav"), audio)).toBe(30);
    expect(heldForEach(of("video/mp4"), audio)).toBe(30);
    expect(heldForEach(of("image/png"), audio)).toBe(10);
    expect(heldForEach(of("video/mp4"), images)).toBe(40);
    expect(heldForEach(of("application/pdf"), images)).toBe(40);
    expect(heldForEach(of("audio/wav"), images)).toBe(10);
  });
});

describe("the tier that served", () => {
  it("is told by a header where Gemini answers", () => {
    const run = (format: string, header: string | undefined) => ({
      target: { deployment: { format } } as unknown as CompiledTarget,
      tierSoFar: undefined,
      answerHeader: (name: string) => (name === "x-gemini-service-tier" ? header : undefined),
    });
    const asked = {
      vectors: undefined,
      request: create(GenerateRequestSchema, {
        serviceTier: "flex",
        formatParameters: { "google-generate-content": { serviceTier: "priority" } },
      }),
    };
    const google = "google-generate-content";
    expect(servedTier(asked, run(google, "STANDARD"), undefined)).toBe("standard");
    expect(servedTier(asked, run(google, "standard"), { serviceTier: "flex" })).toBe("flex");
    expect(servedTier(asked, run(google, undefined), undefined)).toBe("priority");
    expect(servedTier(asked, run("openai-chat", "standard"), undefined)).toBe("flex");
    expect(
      servedTier(asked, run("openai-chat", undefined), { servedTier: "t".repeat(100) }),
    ).toHaveLength(64);
  });
});
