import type { FormatName } from "@penstock/formats";
import { describe, expect, it } from "vitest";
import { createPipeline } from "./pipeline.fixture.ts";
import { sampleSnapshot } from "./sample-snapshot.fixture.ts";

/** What a caller of a format hears of a turn that Anthropic has paused. */
function pausedFor(caller: FormatName | undefined, stream: boolean): readonly string[] | undefined {
  const snapshot = sampleSnapshot();
  for (const deployment of snapshot.deployments.values()) {
    Object.assign(deployment, { format: "anthropic-messages" });
  }
  const pipeline = createPipeline(snapshot);
  if (caller !== undefined) pipeline.caller.format = caller;
  const { downstream } = pipeline.send({}, stream);
  const { last } = pipeline.upstream;
  const usage = { input_tokens: 1, output_tokens: 1 };
  const content = [{ type: "text", text: "on it" }];
  const message = { id: "m", type: "message", role: "assistant", model: "c", usage };
  const end = { stop_reason: "pause_turn", stop_sequence: null };
  last.headers(200, {}, stream);
  if (!stream) last.data(JSON.stringify({ ...message, content, ...end }));
  else {
    const say = (event: { readonly type: string } & Record<string, unknown>): void =>
      last.data(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
    say({ type: "message_start", message: { ...message, content: [] } });
    say({ type: "content_block_start", index: 0, content_block: { type: "text", text: "" } });
    say({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "on it" } });
    say({ type: "content_block_stop", index: 0 });
    say({ type: "message_delta", delta: end, usage });
    say({ type: "message_stop" });
  }
  last.call.sink.onEnd();
  expect(["answer", "finish"]).toContain(downstream.heard.at(-1));
  return downstream.end?.warnings;
}

const warning = "finish_reason_approximated: pause_turn is said as stop";

describe.each([false, true])("a paused turn (stream: %s)", (stream) => {
  it("is told to callers whose format has no word for it", () => {
    expect(pausedFor("openai-chat", stream)).toEqual([warning]);
  });

  it("needs no warning where the word itself arrives", () => {
    expect(pausedFor("anthropic-messages", stream) ?? []).toEqual([]);
    // There it is the reason for which the answer is incomplete.
    expect(pausedFor("openai-responses", stream)).toEqual([]);
    expect(pausedFor(undefined, stream)).toEqual([]);
  });
});
