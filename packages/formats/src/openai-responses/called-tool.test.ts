import type { ContentPart } from "@penstock/api";
import { FinishReason } from "@penstock/api";
import { describe, expect, it } from "vitest";
import type { CallForm } from "../call-forms.ts";
import { usage } from "../conformance/format-samples.fixture.ts";
import type { AnswerEnd, AnswerIdentity } from "../format.ts";
import { toolCallPart } from "../openai-chat/content-parts.ts";
import { argumentsDelta, blockEnded, toolCallStarted } from "../streams/stream-events.ts";
import { openaiResponses } from "./openai-responses.ts";

const forms = new Map<string, CallForm>([
  ["ns__f", { kind: "function", name: "f", namespace: "ns" }],
  ["apply_patch", { kind: "custom", name: "apply_patch", namespace: undefined }],
  ["tool_search", { kind: "tool_search", name: "tool_search", namespace: undefined }],
]);
const identity: AnswerIdentity = {
  requestId: "00000000-0000-7000-8000-000000000000",
  responseId: "",
  model: "m",
  createdSeconds: 1,
  callForms: forms,
};
const end: AnswerEnd = {
  candidates: [
    {
      $typeName: "penstock.inference.v1.CandidateFinish",
      candidate: 0,
      reason: FinishReason.TOOL_CALLS,
      rawReason: "tool_calls",
    },
  ],
  usage,
  rawUsage: undefined,
  responseId: "",
  model: "m",
  warnings: [],
};

/** A call, and the item by which the caller gets it. */
const cases: readonly [string, string, object][] = [
  ["ns__f", '{"a":1}', { type: "function_call", name: "f", namespace: "ns", arguments: '{"a":1}' }],
  ["other", '{"a":1}', { type: "function_call", name: "other", arguments: '{"a":1}' }],
  ["apply_patch", '{"input":"a\\nb"}', { type: "custom_tool_call", input: "a\nb" }],
  // Models forget to wrap the text.
  ["apply_patch", "*** Begin", { type: "custom_tool_call", input: "*** Begin" }],
  [
    "tool_search",
    '{"query":"q"}',
    { type: "tool_search_call", execution: "client", arguments: { query: "q" } },
  ],
  ["tool_search", "[]", { type: "tool_search_call", arguments: {} }],
];

describe("the call of a function that stands for a tool of the caller's", () => {
  it.each(cases)("%s, whole: %s", (name, argumentsJson, item) => {
    const parts: ContentPart[] = [toolCallPart("call_1", name, argumentsJson)];
    const answer = { candidates: [{ parts, finish: end.candidates[0]! }], end };
    const text = openaiResponses.writeResponse(answer, identity, usage);
    expect(JSON.parse(text)).toMatchObject({ output: [{ ...item, call_id: "call_1" }] });
  });

  it.each(cases)("%s, streamed: %s", (name, argumentsJson, item) => {
    const writer = openaiResponses.createStreamWriter(identity, { includeUsage: true });
    const text =
      writer.event(toolCallStarted(0, 0, { id: "call_1", name })) +
      writer.event(argumentsDelta(0, argumentsJson.slice(0, 4))) +
      writer.event(argumentsDelta(0, argumentsJson.slice(4))) +
      writer.event(blockEnded(0)) +
      writer.finish(end, usage);
    const events = [...text.matchAll(/^data: (.*)$/gm)].map(
      ([, data]) => JSON.parse(data ?? "") as Record<string, unknown>,
    );
    const whole = { ...item, call_id: "call_1", status: "completed" };
    const done = events.find(({ type }) => type === "response.output_item.done");
    expect(done?.["item"]).toMatchObject(whole);
    expect(events.at(-1)).toMatchObject({ response: { output: [whole] } });
    const numbers = events.map((event) => event["sequence_number"]);
    expect(numbers).toEqual(numbers.map((_, index) => index));
    const input = "input" in item ? item.input : undefined;
    const deltas = events.filter(({ type }) => type === "response.custom_tool_call_input.delta");
    expect(deltas.map(({ delta }) => delta)).toEqual(input === undefined ? [] : [input]);
  });
});
