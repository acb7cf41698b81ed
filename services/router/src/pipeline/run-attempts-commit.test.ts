import { formats } from "@penstock/formats";
import type { FormatName } from "@penstock/formats";
import { documentedStreams } from "@penstock/formats/testing";
import { describe, expect, it } from "vitest";
import { createPipeline } from "./pipeline.fixture.ts";
import type { FakeCall } from "./pipeline.fixture.ts";
import { sampleSnapshot } from "./sample-snapshot.fixture.ts";

const callerFormat = "openai-responses";
/** A tool that only the caller's format has words for. */
const tools = [{ type: "custom", name: "apply_patch", description: "Edits files." }];
const body = Buffer.from(JSON.stringify({ model: "smart", input: "hi", stream: true, tools }));

/** What a caller sent whose request goes to a target of the first format, then of the second. */
function ask(...targets: readonly [FormatName, FormatName]) {
  const snapshot = sampleSnapshot();
  for (const [at, deployment] of [...snapshot.deployments.values()].entries()) {
    Object.assign(deployment, { format: targets[at] });
  }
  const pipeline = createPipeline(snapshot);
  pipeline.caller.format = callerFormat;
  const { request } = formats[callerFormat].readRequest(body);
  const { handler } = pipeline.send({ tools: request.tools }, true);
  const { context } = handler;
  context.original = { bytes: body, forwardable: undefined };
  return { context, upstream: pipeline.upstream };
}

function refuses(call: FakeCall): void {
  call.headers(429);
  call.call.sink.onEnd();
}

function answers(call: FakeCall): void {
  const [stream] = documentedStreams[call.call.target.deployment.format];
  if (stream === undefined) throw new Error("every format has one");
  call.headers(200, {}, true);
  call.call.sink.onData(Buffer.from(stream.value));
}

describe("the attempt whose content the caller gets", () => {
  it("says how calls are told, whatever an attempt before it needed", () => {
    const chat = ask("openai-chat", callerFormat);
    expect(chat.context.callForms?.has("apply_patch")).toBe(true);
    refuses(chat.upstream.last);
    expect(chat.upstream.last.deployment).toBe("deployments/b-large");
    answers(chat.upstream.last);
    expect(chat.context.callForms).toBeUndefined();
    const own = ask(callerFormat, "openai-chat");
    refuses(own.upstream.last);
    answers(own.upstream.last);
    expect(own.context.callForms?.has("apply_patch")).toBe(true);
  });

  it("says so, too, where another one was made beside it", () => {
    const { context, upstream } = ask("openai-chat", callerFormat);
    // What a hedge leaves behind.
    Object.assign(context, { callForms: undefined });
    answers(upstream.last);
    expect(context.callForms?.has("apply_patch")).toBe(true);
  });

  it("is the last one that could need the caller's body", () => {
    const { context, upstream } = ask("openai-chat", "openai-chat");
    refuses(upstream.last);
    expect(context.original?.bytes).toBe(body);
    answers(upstream.last);
    expect(context.firstTokenMs).toBeDefined();
    expect(context.original).toBeUndefined();
  });
});
