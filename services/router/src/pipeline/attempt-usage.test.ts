import { UsageSource } from "@penstock/api";
import type { GenerateRequest, UsageEvent } from "@penstock/api";
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

describe("a whole answer without usage", () => {
  const said = (content: string, more: object = {}): string =>
    JSON.stringify({
      id: "chatcmpl-with-a-rather-long-id-of-its-own",
      model: "m",
      system_fingerprint: "fp_0123456789abcdef",
      choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }],
      ...more,
    });

  function usageOf(
    body: string,
    asked: { maxOutputTokens?: number; isEventStream?: boolean } = {},
  ) {
    const { maxOutputTokens, isEventStream = false } = asked;
    const sampling = { maxOutputTokens } as GenerateRequest["sampling"];
    const { spool, upstream, send } = createPipeline();
    const { handler } = send(maxOutputTokens === undefined ? {} : { sampling });
    upstream.last.headers(200, {}, isEventStream);
    upstream.last.data(body);
    upstream.last.call.sink.onEnd();
    // Whoever would be asked next has written nothing.
    handler.cancel();
    const usage = spool.finals[0]?.attempts[0]?.usage;
    return { output: usage?.outputTokens, source: usage?.source };
  }

  const { ESTIMATED, REPORTED } = UsageSource;

  it("is charged for what its model wrote, and not for what stands around it", () => {
    expect(usageOf(said("hello"))).toEqual({ output: 2n, source: ESTIMATED });
    const refused = { usage: { prompt_tokens: -1, completion_tokens: 5 } };
    expect(usageOf(said("hello", refused))).toEqual({ output: 2n, source: ESTIMATED });
    const beyond = { usage: { prompt_tokens: 5, completion_tokens: 1e15 } };
    expect(usageOf(said("hello", beyond))).toEqual({ output: 2n, source: ESTIMATED });
    const call = { id: "c", type: "function", function: { name: "find", arguments: '{"a":1}' } };
    const message = { role: "assistant", content: null, tool_calls: [call] };
    const choices = [{ index: 0, message, finish_reason: "tool_calls" }];
    expect(usageOf(said("", { choices })).output).toBe(4n);
  });

  it("is charged for no more than the caller allowed", () => {
    expect(usageOf(said("word ".repeat(2_000))).output).toBe(2_778n);
    expect(usageOf(said("word ".repeat(2_000)), { maxOutputTokens: 50 }).output).toBe(50n);
  });

  it("is charged for what was held when nothing of it can be read", () => {
    const junk = "x".repeat(1_000_000);
    expect(usageOf(junk)).toEqual({ output: 1_024n, source: ESTIMATED });
    expect(usageOf(junk, { maxOutputTokens: 50 }).output).toBe(50n);
    expect(usageOf("<html></html>", { maxOutputTokens: 50 }).output).toBe(4n);
  });

  it("is read as a stream where it is one that nobody asked for", () => {
    const piece = (content: string, more: object = {}): string =>
      `data: ${JSON.stringify({ id: "c", choices: [{ index: 0, delta: { content } }], ...more })}\n\n`;
    const pieces = `${piece("hel")}${piece("lo")}`;
    const streamed = { isEventStream: true };
    expect(usageOf(pieces, streamed)).toEqual({ output: 2n, source: ESTIMATED });
    const told = JSON.stringify({ choices: [], usage: { prompt_tokens: 3, completion_tokens: 7 } });
    const end = JSON.stringify({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] });
    const whole = `${pieces}data: ${end}\n\ndata: ${told}\n\ndata: [DONE]\n\n`;
    expect(usageOf(whole, streamed)).toEqual({ output: 7n, source: REPORTED });
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

describe("an attempt under way when the process dies", () => {
  it.each([true, false])("is charged for its input after a second (stream: %s)", (stream) => {
    const { clock, send, spool } = createPipeline();
    send({}, stream);
    clock.advance(900);
    expect(spool.progresses).toEqual([]);
    clock.advance(600);
    expect(spool.progresses).toHaveLength(1);
    const [record] = spool.progresses;
    const [attempt, ...others] = record?.attempts ?? [];
    expect(attempt).toMatchObject({ number: 1, outcome: "CANCELLED", committed: false });
    expect(attempt?.usage).toMatchObject({ outputTokens: 0n, source: UsageSource.ESTIMATED });
    expect(attempt?.usage?.inputTokens).toBeGreaterThan(0n);
    expect(record?.costNanoUsd).toBeGreaterThan(0n);
    expect(others).toEqual([]);
    clock.advance(5_000);
    expect(spool.progresses).toHaveLength(1);
  });

  it("is written down once it was sent, and not when it was answered before", () => {
    const { clock, send, spool, upstream } = createPipeline();
    send({}, false, "connecting");
    upstream.last.sentBytes = false;
    clock.advance(1_500);
    expect(spool.progresses).toEqual([]);
    upstream.last.sentBytes = true;
    clock.advance(1_500);
    expect(spool.progresses).toMatchObject([{ requestId: "connecting" }]);
    send({}, false, "quick");
    upstream.last.answer({ prompt_tokens: 1, completion_tokens: 1 });
    clock.advance(1_500);
    expect(spool.progresses).toHaveLength(1);
  });
});
