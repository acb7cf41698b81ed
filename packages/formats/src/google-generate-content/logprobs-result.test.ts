import { describe, expect, it } from "vitest";
import type { AnswerEnd, StreamEvent } from "../format.ts";
import { formats } from "../formats.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const { "google-generate-content": google, "openai-chat": chat } = formats;
const identity = { requestId: "r", responseId: "x", model: "m", createdSeconds: 1 };
// ai.google.dev/api/generate-content#LogprobsResult
const logprobsResult = {
  chosenCandidates: [
    { token: "Hel", tokenId: 1, logProbability: -0.5 },
    { token: "lo", tokenId: 2 },
  ],
  topCandidates: [
    {
      candidates: [
        { token: "Hel", tokenId: 1, logProbability: -0.5 },
        { token: "Hi", tokenId: 3, logProbability: -1.5 },
      ],
    },
    { candidates: [{ token: "lo", tokenId: 2 }] },
  ],
};
const whole = {
  candidates: [
    {
      content: { parts: [{ text: "Hello" }], role: "model" },
      finishReason: "STOP",
      logprobsResult,
    },
  ],
  usageMetadata: { promptTokenCount: 1, candidatesTokenCount: 2, totalTokenCount: 3 },
};
const seen = [
  { token: "Hel", logprob: -0.5, top_logprobs: [{ token: "Hel" }, { token: "Hi" }] },
  { token: "lo", logprob: 0, top_logprobs: [{ token: "lo" }] },
];

function stream(chunks: object[]): { events: StreamEvent[]; end: AnswerEnd | undefined } {
  const events: StreamEvent[] = [];
  let end: AnswerEnd | undefined;
  const reader = google.createStreamReader({
    event: (event) => events.push(event),
    flush: () => undefined,
    finish: (told) => (end = told),
    fail: () => undefined,
  });
  for (const chunk of chunks) reader.push(encode(`data: ${JSON.stringify(chunk)}\r\n\r\n`));
  reader.end();
  return { events, end };
}

describe("probabilities", () => {
  it("stand beside the text of a whole answer, for callers of either format", () => {
    const answer = google.readResponse(encode(JSON.stringify(whole)));
    const written = chat.writeResponse(answer, identity, answer.end.usage!);
    expect(JSON.parse(written)).toMatchObject({ choices: [{ logprobs: { content: seen } }] });
    const again = google.writeResponse(answer, identity, answer.end.usage!);
    expect(google.readResponse(encode(again)).candidates).toEqual(answer.candidates);
    expect(answer.end.warnings).toEqual([]);
  });

  it("come with the deltas of a stream", () => {
    const { events, end } = stream([whole]);
    const writer = chat.createStreamWriter(identity, { includeUsage: false });
    const [, , delta = ""] = events
      .map((event) => writer.event(event))
      .join("")
      .split("data: ");
    expect(JSON.parse(delta)).toMatchObject({ choices: [{ logprobs: { content: seen } }] });
    expect(end?.warnings).toEqual([]);
    const own = google.createStreamWriter(identity, { includeUsage: false });
    const text = events.map((event) => own.event(event)).join("");
    expect(text).toContain('"logprobsResult":{"chosenCandidates":[{"token":"Hel"');
  });

  it("are told of when no text takes them", () => {
    const parts = [{ functionCall: { name: "f", args: {} } }];
    const without = { ...whole, candidates: [{ ...whole.candidates[0], content: { parts } }] };
    const answer = google.readResponse(encode(JSON.stringify(without)));
    expect(answer.end.warnings).toEqual([expect.stringMatching(/^logprobs_dropped/)]);
    expect(stream([without]).end?.warnings).toEqual([expect.stringMatching(/^logprobs_dropped/)]);
  });

  it.each([7, {}, { chosenCandidates: [] }, { chosenCandidates: [{ token: 1 }] }])(
    "are left out when they are %j",
    (odd) => {
      const answer = { ...whole, candidates: [{ ...whole.candidates[0], logprobsResult: odd }] };
      const { part } = google.readResponse(encode(JSON.stringify(answer))).candidates[0]!.parts[0]!;
      expect(part.case === "text" && part.value.logprobs).toBeUndefined();
    },
  );
});
