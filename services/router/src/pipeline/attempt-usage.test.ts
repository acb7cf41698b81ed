import { UsageSource } from "@penstock/api";
import { describe, expect, it } from "vitest";
import { createPipeline } from "./pipeline.fixture.ts";
import { sampleSnapshot } from "./sample-snapshot.fixture.ts";

// What Anthropic's format tells of the input at the beginning counts when the answer breaks off.

const input = { input_tokens: 10, cache_read_input_tokens: 90_000, output_tokens: 1 };

function begin(usage: object) {
  const snapshot = sampleSnapshot();
  for (const deployment of snapshot.deployments.values()) {
    Object.assign(deployment, { format: "anthropic-messages" });
  }
  const pipeline = createPipeline(snapshot);
  const { handler } = pipeline.send({}, true);
  const call = pipeline.upstream.last;
  call.headers(200, {}, true);
  const say = (event: { readonly type: string } & Record<string, unknown>): void =>
    call.data(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
  say({ type: "message_start", message: { id: "m", model: "c", usage } });
  say({ type: "content_block_start", index: 0, content_block: { type: "text", text: "" } });
  say({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "hi" } });
  return { ...pipeline, handler };
}

describe("an answer that breaks off", () => {
  it("is charged for the input that its provider told, by its classes", () => {
    const { handler, spool } = begin(input);
    handler.cancel();
    expect(spool.progresses[0]?.usage).toMatchObject({ cacheReadInputTokens: 90_000n });
    const [final] = spool.finals;
    expect(final?.usage).toMatchObject({
      inputTokens: 90_010n,
      cacheReadInputTokens: 90_000n,
      source: UsageSource.ESTIMATED,
    });
    expect(final?.usage?.outputTokens).toBeGreaterThanOrEqual(1n);
  });

  it("is charged for an estimate where its provider began with zeros", () => {
    const { handler, spool } = begin({ input_tokens: 0, output_tokens: 0 });
    handler.cancel();
    expect(spool.finals[0]?.usage?.inputTokens).toBeGreaterThan(0n);
  });
});
