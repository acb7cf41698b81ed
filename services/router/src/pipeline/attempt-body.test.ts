import type { JsonObject } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { createPipeline } from "./pipeline.fixture.ts";
import { sampleSnapshot } from "./sample-snapshot.fixture.ts";

/** The number of output tokens that a target is asked for by a caller who names none. */
function asked(more: JsonObject): unknown {
  const provider = { name: "providers/a", kind: "anthropic", credential: "env:KEY" };
  const deployment = {
    name: "deployments/a-large",
    provider: "providers/a",
    model: "claude-sonnet-5",
    priceBook: "priceBooks/prices",
    ...more,
  };
  const pipeline = createPipeline(
    sampleSnapshot({ "providers/a": { provider }, "deployments/a-large": { deployment } }),
  );
  pipeline.send();
  pipeline.clock.advance(150);
  const body = JSON.parse(String(pipeline.upstream.last.call.body)) as Record<string, unknown>;
  return body["max_tokens"];
}

describe("attemptBody", () => {
  it("asks for what the configuration says, never for what is only reserved", () => {
    expect(asked({})).toBe(64_000);
    expect(asked({ capabilities: { maxOutputTokens: "9000" } })).toBe(9_000);
    expect(asked({ defaultMaxOutputTokens: 2_000 })).toBe(2_000);
  });
});
