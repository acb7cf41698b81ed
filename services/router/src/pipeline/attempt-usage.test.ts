import { UsageSource } from "@penstock/api";
import type { UsageEvent } from "@penstock/api";
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

describe("an attempt that nobody answered", () => {
  const inputAlone = { outputTokens: 0n, source: UsageSource.ESTIMATED };

  function expectInput(final: UsageEvent | undefined): void {
    const [attempt] = final?.attempts ?? [];
    expect(attempt?.usage).toMatchObject(inputAlone);
    expect(attempt?.usage?.inputTokens).toBeGreaterThan(0n);
    expect(attempt?.costNanoUsd).toBeGreaterThan(0n);
    expect(final?.estimated).toBe(true);
  }

  it("is charged for its input when its time was over", () => {
    const { clock, spool, upstream, send } = createPipeline();
    send({}, true);
    clock.advance(60_000);
    upstream.last.headers(200, {}, true);
    upstream.last.content("hi");
    upstream.last.call.sink.onData(Buffer.from("data: [DONE]\n\n"));
    upstream.last.call.sink.onEnd();
    expectInput(spool.finals[0]);
  });

  it("is charged for its input when its caller went away", () => {
    const { spool, send } = createPipeline();
    const { handler } = send();
    handler.cancel();
    expectInput(spool.finals[0]);
  });

  it("is charged for its input when its connection broke after it was sent", () => {
    const { spool, upstream, send } = createPipeline();
    const { handler } = send();
    upstream.last.call.sink.onFailure({ class: "CONNECTION", message: "reset", sentBytes: true });
    handler.cancel();
    expectInput(spool.finals[0]);
  });

  it("takes its input from the limits of its target", () => {
    const limit = {
      name: "limits/tokens",
      scope: { all: true },
      tokensPerMinute: "1000000",
      onUnavailable: "UNAVAILABLE_MODE_ALLOW",
      selector: { deployment: "deployments/a-large" },
    };
    const { clock, spool, send } = createPipeline(sampleSnapshot({ "limits/tokens": { limit } }));
    const { handler } = send();
    clock.advance(150);
    handler.cancel();
    const [final] = spool.finals;
    expect(final?.charges[0]?.settled).toBe(final?.usage?.inputTokens);
    expect(final?.charges[0]?.settled).toBeGreaterThan(0n);
  });

  it("costs nothing when nothing of it was sent", () => {
    const { spool, upstream, send } = createPipeline();
    const { handler } = send();
    const failure = { class: "CONNECTION", message: "refused", sentBytes: false } as const;
    upstream.last.call.sink.onFailure(failure);
    upstream.last.sentBytes = false;
    handler.cancel();
    expect(spool.finals[0]?.attempts.map(({ usage }) => usage)).toEqual([undefined]);
    expect(spool.finals[0]?.costNanoUsd ?? 0n).toBe(0n);
  });

  it("costs nothing when its provider refused it", () => {
    const { spool, upstream, send } = createPipeline();
    const { handler } = send();
    upstream.last.headers(503);
    upstream.last.call.sink.onEnd();
    handler.cancel();
    expect(spool.finals[0]?.attempts[0]?.usage).toBeUndefined();
  });

  it("is repeated at the same vendor, whatever it would have cost", () => {
    const prices = [{ model: "*", inputNanoUsdPerMillionTokens: "900000000000000" }];
    const route = { name: "routes/smart", match: { models: ["smart"] } };
    const { clock, upstream, send } = createPipeline(
      sampleSnapshot({
        "priceBooks/prices": { priceBook: { name: "priceBooks/prices", prices } },
        "routes/smart": { route: { ...route, targets: [{ deployment: "deployments/a-large" }] } },
      }),
    );
    send();
    upstream.last.call.sink.onFailure({ class: "CONNECTION", message: "reset", sentBytes: true });
    clock.advance(200);
    expect(upstream.calls).toHaveLength(2);
  });
});
