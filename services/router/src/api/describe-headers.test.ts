import { describe, expect, it } from "vitest";
import { describeHeaders } from "./describe-headers.ts";

describe("describeHeaders", () => {
  it("names what passes, in which direction", () => {
    expect(describeHeaders("anthropic-messages")).toEqual([
      "gets anthropic-version, anthropic-beta from callers of anthropic-messages",
    ]);
    expect(describeHeaders("openai-chat")).toEqual([
      "gives openai-processing-ms to callers of openai-chat",
    ]);
    expect(describeHeaders("openai-responses")).toEqual([
      "gets x-openai-internal-codex-responses-lite, x-codex-beta-features from callers of openai-responses",
    ]);
    expect(describeHeaders("google-generate-content")).toEqual([]);
  });
});
