import type { TokenUsage } from "@penstock/api";
import { describe, expect, it } from "vitest";
import type { AnswerEnd } from "../format.ts";
import { openaiResponses } from "./openai-responses.ts";

const usage = { inputTokens: 1n, outputTokens: 1n } as TokenUsage;
const end: AnswerEnd = {
  candidates: [],
  responseId: "",
  model: "m",
  usage,
  rawUsage: undefined,
  warnings: [],
};
const place = { requestId: "r", responseId: "", model: "m", createdSeconds: 1 };

/** The answer to a request with these fields, whole and in the first and last event of a stream. */
function answersTo(fields: object): Record<string, unknown>[] {
  const body = new TextEncoder().encode(JSON.stringify({ model: "m", input: "q", ...fields }));
  const { said } = openaiResponses.readRequest(body);
  const identity = { ...place, said };
  const whole = openaiResponses.writeResponse({ candidates: [], end }, identity, usage);
  const stream = openaiResponses.createStreamWriter(identity, { includeUsage: true });
  const events = [...stream.finish(end, usage).matchAll(/^data: (.*)$/gm)].map(
    ([, data = ""]) => (JSON.parse(data) as { response: Record<string, unknown> }).response,
  );
  expect(events).toHaveLength(3);
  return [JSON.parse(whole) as Record<string, unknown>, ...events];
}

describe("an answer that is written anew", () => {
  it("repeats what its request said, whole and streamed", () => {
    const said = {
      instructions: "be brief",
      temperature: 0.5,
      top_p: 0.25,
      max_output_tokens: 100,
      max_tool_calls: 3,
      parallel_tool_calls: false,
      tool_choice: { type: "function", name: "f" },
      reasoning: { effort: "low", summary: "auto" },
      text: { format: { type: "json_object" }, verbosity: "low" },
      store: true,
      metadata: { a: "b" },
      truncation: "auto",
      user: "u",
      prompt_cache_key: "k",
      safety_identifier: "s",
      top_logprobs: 2,
    };
    const tools = [
      { type: "function", name: "f", parameters: { type: "object" }, strict: true },
      { type: "web_search", filters: { allowed_domains: ["a.example"] } },
    ];
    for (const answer of answersTo({ ...said, tools, include: ["message.output_text.logprobs"] })) {
      expect(answer).toMatchObject(said);
      expect(answer["tools"]).toEqual([{ description: null, ...tools[0] }, tools[1]]);
      expect(answer).not.toHaveProperty("input");
      expect(answer).not.toHaveProperty("include");
      expect(answer).toMatchObject({ id: "resp_r", object: "response", model: "m" });
    }
  });

  it("has the documented defaults of what was not said, and of parts that were not", () => {
    const defaults = {
      instructions: null,
      temperature: 1,
      top_p: 1,
      max_output_tokens: null,
      parallel_tool_calls: true,
      tool_choice: "auto",
      tools: [],
      reasoning: { effort: null, summary: null },
      text: { format: { type: "text" }, verbosity: "medium" },
      store: false,
      metadata: {},
      truncation: "disabled",
      user: null,
    };
    for (const answer of answersTo({ temperature: null, tools: null, metadata: null })) {
      expect(answer).toMatchObject(defaults);
    }
    const partly = { reasoning: { effort: "high" }, text: { verbosity: "low" } };
    expect(answersTo(partly)[0]).toMatchObject({
      reasoning: { effort: "high", summary: null },
      text: { format: { type: "text" }, verbosity: "low" },
    });
  });

  it("can't be made to say another id or status by its request", () => {
    const [answer] = answersTo({ id: "resp_mine", status: "failed", output: ["x"], usage: 1 });
    expect(answer).toMatchObject({ id: "resp_r", output: [], usage: { input_tokens: 1 } });
  });
});
