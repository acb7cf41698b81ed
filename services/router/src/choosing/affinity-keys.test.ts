import { MessageRole } from "@penstock/api";
import { describe, expect, it } from "vitest";
import { createPipeline } from "../pipeline/pipeline.fixture.ts";
import { sampleSnapshot } from "../pipeline/sample-snapshot.fixture.ts";
import { keyOfSignature, signatureKey } from "./affinity-keys.ts";
import { asked } from "./choosing.fixture.ts";

describe("the issuer of signed reasoning", () => {
  const signed = "c2lnbmVkIHJlYXNvbmluZw==";

  function relayed(content: readonly object[]) {
    const snapshot = sampleSnapshot();
    for (const deployment of snapshot.deployments.values()) {
      Object.assign(deployment, { format: "anthropic-messages" });
    }
    const pipeline = createPipeline(snapshot);
    pipeline.caller.format = "anthropic-messages";
    const { downstream } = pipeline.send();
    pipeline.upstream.last.headers(200);
    const usage = { input_tokens: 1, output_tokens: 1 };
    const message = { id: "m", type: "message", role: "assistant", model: "c", usage };
    pipeline.upstream.last.data(
      JSON.stringify({ ...message, content, stop_reason: "end_turn", stop_sequence: null }),
    );
    pipeline.upstream.last.call.sink.onEnd();
    expect(downstream.facts?.provider).toBe("providers/a");
    return pipeline;
  }

  it("is remembered of an answer that went to its caller as it came", () => {
    const { parts, clock } = relayed([
      { type: "thinking", thinking: "one", signature: "first" },
      { type: "thinking", thinking: "two", signature: signed },
      { type: "tool_use", id: "t", name: "sign", input: { signature: "no" } },
    ]);
    const found = parts.affinity.find(keyOfSignature(signed), clock.monotonicMs());
    expect(found?.provider).toBe("providers/a");
    expect(parts.affinity.find(keyOfSignature("no"), clock.monotonicMs())).toBeUndefined();
  });

  it("is nobody where an answer has none", () => {
    expect(relayed([{ type: "text", text: "plain" }]).parts.affinity.size).toBe(0);
  });

  it("is looked for by the newest signature of the newest answer, the one that is remembered", () => {
    const reasoning = (signature: string) =>
      ({ part: { case: "reasoning", value: { text: "", signature } } }) as const;
    const request = asked({
      messages: [
        { role: MessageRole.ASSISTANT, parts: [reasoning("first"), reasoning(signed)] },
        { role: MessageRole.USER, parts: [{ part: { case: "text", value: { text: "and" } } }] },
      ],
    });
    expect(signatureKey(request)).toBe(keyOfSignature(signed));
  });
});
