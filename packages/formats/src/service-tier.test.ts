import { describe, expect, it } from "vitest";
import type { AnswerEnd, FormatName, JsonObject } from "./format.ts";
import { formats } from "./formats.ts";
import { askedTier, mayServe } from "./service-tier.ts";

const asking = (serviceTier: string | undefined, own: Record<string, JsonObject> = {}) => ({
  formatParameters: own,
  ...(serviceTier === undefined ? {} : { serviceTier }),
});
const ofAnthropic = (fields: JsonObject) => asking(undefined, { "anthropic-messages": fields });
const ofGoogle = (serviceTier: string) =>
  asking(undefined, { "google-generate-content": { serviceTier } });
const optimized = asking(undefined, {
  "bedrock-converse": { performanceConfig: { latency: "optimized" } },
});

const usual = ["default", "flex", "priority", "fast", "scale", "reserved", "optimized"];
const served = (request: Parameters<typeof mayServe>[0], format: FormatName) =>
  usual.filter((tier) => mayServe(request, format, tier));

// What vendors document of their tiers:
// developers.openai.com/api/docs/guides/fast-mode and .../priority-processing,
// platform.claude.com/docs/en/api/service-tiers and .../build-with-claude/fast-mode,
// ai.google.dev/gemini-api/docs/priority-inference,
// docs.aws.amazon.com/bedrock/latest/userguide/service-tiers-inference.html.
describe("the tier that a request asks for", () => {
  it("is said in the words of the target's answers", () => {
    expect(askedTier(asking("flex"), "openai-chat")).toBe("flex");
    expect(askedTier(asking("fast"), "openai-responses")).toBe("priority");
    expect(askedTier(asking("auto"), "openai-chat")).toBe("");
    expect(askedTier(asking(undefined), "openai-chat")).toBe("");
    expect(
      askedTier(ofAnthropic({ speed: "fast", service_tier: "auto" }), "anthropic-messages"),
    ).toBe("fast");
    expect(askedTier(ofAnthropic({ service_tier: "standard_only" }), "anthropic-messages")).toBe(
      "standard",
    );
    expect(askedTier(ofGoogle("PRIORITY"), "google-generate-content")).toBe("priority");
    expect(askedTier(asking("reserved"), "bedrock-converse")).toBe("reserved");
    expect(askedTier(optimized, "bedrock-converse")).toBe("optimized");
  });

  it("is nothing for a target that is not sent it", () => {
    expect(askedTier(asking("priority"), "anthropic-messages")).toBe("");
    expect(askedTier(asking("priority"), "google-generate-content")).toBe("");
    expect(askedTier(ofAnthropic({ speed: "fast" }), "openai-chat")).toBe("");
    expect(askedTier(optimized, "openai-chat")).toBe("");
  });

  it("or one that the vendor chooses may serve it", () => {
    expect(served(asking(undefined), "openai-chat")).toEqual(usual);
    expect(served(asking("auto"), "openai-responses")).toEqual(usual);
    expect(served(asking("default"), "openai-chat")).toEqual(["default"]);
    expect(served(asking("flex"), "openai-chat")).toEqual(["default", "flex"]);
    expect(served(asking("fast"), "openai-chat")).toEqual(["default", "priority", "fast"]);
    expect(served(ofAnthropic({}), "anthropic-messages")).toEqual(["default", "priority"]);
    expect(served(ofAnthropic({ service_tier: "standard_only" }), "anthropic-messages")).toEqual([
      "default",
    ]);
    expect(served(ofAnthropic({ speed: "fast" }), "anthropic-messages")).toEqual([
      "default",
      "fast",
    ]);
    expect(served(ofGoogle("flex"), "google-generate-content")).toEqual(["default", "flex"]);
    const unasked = asking(undefined);
    expect(mayServe(unasked, "google-generate-content", "priority")).toBe(false);
    expect(mayServe(unasked, "google-generate-content", "provisioned_throughput")).toBe(true);
    expect(served(unasked, "bedrock-converse")).toEqual(["default"]);
    expect(served(optimized, "bedrock-converse")).toEqual(["default", "optimized"]);
  });
});

const bytes = (fields: object) => new TextEncoder().encode(JSON.stringify(fields));

/** The end of a stream of server-sent events. */
function endOf(format: FormatName, events: readonly object[]): AnswerEnd {
  let end: AnswerEnd | undefined;
  const sink = {
    event: () => undefined,
    flush: () => undefined,
    finish: (value: AnswerEnd) => void (end = value),
    fail: (error: Error) => {
      throw error;
    },
  };
  const reader = formats[format].createStreamReader(sink);
  for (const one of events) {
    reader.push(new TextEncoder().encode(`data: ${JSON.stringify(one)}\n\n`));
  }
  reader.end();
  if (end === undefined) throw new Error("the stream has no end");
  return end;
}

describe("the tier that served", () => {
  const message = (usage: object) => ({
    id: "msg_1",
    type: "message",
    role: "assistant",
    model: "m",
    content: [{ type: "text", text: "x" }],
    stop_reason: "end_turn",
    usage: { input_tokens: 1, output_tokens: 1, ...usage },
  });

  it("is read from Anthropic's usage, a faster speed before the tier", () => {
    const { readResponse, relayResponse } = formats["anthropic-messages"];
    const tierOf = (usage: object) => {
      const { servedTier } = readResponse(bytes(message(usage))).end;
      expect(
        relayResponse(JSON.stringify(message(usage)), bytes(message(usage)))?.end.servedTier,
      ).toBe(servedTier);
      return servedTier;
    };
    expect(tierOf({ service_tier: "priority", speed: "standard" })).toBe("priority");
    expect(tierOf({ service_tier: "standard", speed: "fast" })).toBe("fast");
    expect(tierOf({ service_tier: null })).toBeUndefined();
    const end = endOf("anthropic-messages", [
      { type: "message_start", message: message({ service_tier: "priority" }) },
      { type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: 2 } },
      { type: "message_stop" },
    ]);
    expect(end.servedTier).toBe("priority");
  });

  it("is read from Google's usage in the words of its requests", () => {
    const answer = (usage: object) => ({
      candidates: [{ content: { parts: [{ text: "x" }] }, finishReason: "STOP" }],
      usageMetadata: { promptTokenCount: 1, ...usage },
    });
    const { readResponse } = formats["google-generate-content"];
    const tierOf = (usage: object) => {
      const { servedTier } = readResponse(bytes(answer(usage))).end;
      expect(endOf("google-generate-content", [answer(usage)]).servedTier).toBe(servedTier);
      return servedTier;
    };
    expect(tierOf({ serviceTier: "PRIORITY" })).toBe("priority");
    expect(tierOf({ trafficType: "ON_DEMAND" })).toBe("standard");
    expect(tierOf({ trafficType: "ON_DEMAND_FLEX" })).toBe("flex");
    expect(tierOf({ trafficType: "PROVISIONED_THROUGHPUT" })).toBe("provisioned_throughput");
    expect(tierOf({})).toBeUndefined();
  });

  it("is optimized latency where Bedrock says so", () => {
    const answer = {
      output: { message: { role: "assistant", content: [{ text: "x" }] } },
      stopReason: "end_turn",
      usage: { inputTokens: 1, outputTokens: 1 },
      serviceTier: { type: "default" },
    };
    const { readResponse } = formats["bedrock-converse"];
    const fast = { ...answer, performanceConfig: { latency: "optimized" } };
    expect(readResponse(bytes(fast)).end).toMatchObject({
      serviceTier: "default",
      servedTier: "optimized",
    });
    const plain = { ...answer, performanceConfig: { latency: "standard" } };
    expect(readResponse(bytes(plain)).end.servedTier).toBeUndefined();
  });

  it("of another vendor is not told to callers who don't know its words", () => {
    const answer = formats["anthropic-messages"].readResponse(
      bytes(message({ service_tier: "x" })),
    );
    const identity = { requestId: "r", responseId: "", model: "m", createdSeconds: 1 };
    const { usage } = answer.end;
    if (usage === undefined) throw new Error("it has usage");
    const written = formats["openai-chat"].writeResponse(answer, identity, usage);
    expect(JSON.parse(written)).not.toHaveProperty("service_tier");
  });
});

describe("tokens of audio and images", () => {
  it("are counted apart where Google tells them by modality", () => {
    const usageMetadata = {
      promptTokenCount: 100,
      cachedContentTokenCount: 40,
      candidatesTokenCount: 30,
      promptTokensDetails: [
        { modality: "TEXT", tokenCount: 20 },
        { modality: "AUDIO", tokenCount: 50 },
        { modality: "IMAGE", tokenCount: 30 },
      ],
      cacheTokensDetails: [
        { modality: "TEXT", tokenCount: 15 },
        { modality: "AUDIO", tokenCount: 25 },
      ],
      candidatesTokensDetails: [{ modality: "IMAGE", tokenCount: 30 }],
    };
    const candidates = [{ content: { parts: [{ text: "x" }] }, finishReason: "STOP" }];
    const { usage } = formats["google-generate-content"].readResponse(
      bytes({ candidates, usageMetadata }),
    ).end;
    expect(usage).toMatchObject({
      inputTokens: 100n,
      audioInputTokens: 50n,
      audioCacheReadInputTokens: 25n,
      imageInputTokens: 30n,
      imageOutputTokens: 30n,
    });
  });

  it("are counted apart in chat completions, and refused where they exceed their total", () => {
    const body = (tokens: number) => ({
      id: "c",
      model: "m",
      choices: [{ index: 0, message: { content: "x" }, finish_reason: "stop" }],
      usage: {
        prompt_tokens: 10,
        completion_tokens: 10,
        prompt_tokens_details: { audio_tokens: 3, image_tokens: 2 },
        completion_tokens_details: { audio_tokens: 4, image_tokens: tokens },
      },
    });
    const read = (tokens: number) => formats["openai-chat"].readResponse(bytes(body(tokens))).end;
    expect(read(5).usage).toMatchObject({
      audioInputTokens: 3n,
      imageInputTokens: 2n,
      audioOutputTokens: 4n,
      imageOutputTokens: 5n,
    });
    expect(read(11).usage?.imageOutputTokens).toBeUndefined();
    expect(read(11).warnings).toEqual(["usage_detail_refused: completion_image_tokens"]);
  });
});
