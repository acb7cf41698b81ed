import { BlockKind, FinishReason, type ContentPart } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  counts,
  encode,
  nameOf,
  readStream,
  type Outcome,
} from "../conformance/read-outcome.fixture.ts";
import { checkEventGrammar } from "../event-grammar.ts";
import { statusRules } from "../failures/status-rules.ts";
import type { StreamEvent } from "../format.ts";
import answersFile from "./__fixtures__/answers.json" with { type: "json" };
import errorsFile from "./__fixtures__/errors.json" with { type: "json" };
import streamsFile from "./__fixtures__/streams.json" with { type: "json" };
import { failureRules } from "./failure-rules.ts";
import { googleGenerateContent as format } from "./google-generate-content.ts";

const { answers } = answersFile;
const { errors } = errorsFile;
const { streams } = streamsFile;
const identity = { requestId: "r", responseId: "x", model: "m", createdSeconds: 1 };

const read = (chunks: Uint8Array[]): Outcome => readStream(format, chunks);

function describeEvent(event: StreamEvent): string {
  switch (event.case) {
    case "blockStarted": {
      const { index, candidate, kind, toolCallId, toolName, media, citation } = event.value;
      const own = event.value.formatPart && JSON.stringify(event.value.formatPart.content);
      const words = [toolCallId, toolName, media?.mediaType, citation?.uri, own];
      const places = [citation?.startIndex, citation?.endIndex];
      const more = [...words, ...places].filter((word) => word !== "" && word !== undefined);
      return [`start ${index} of ${candidate} ${nameOf(BlockKind, kind)}`, ...more].join(" ");
    }
    case "blockDelta":
      return `${event.value.index} += ${String(event.value.delta.value)}`;
    case "blockEnded": {
      const { index, signature, signatureIssuer } = event.value;
      if (signature !== undefined) expect(signatureIssuer).toBe("google-generate-content");
      return `end ${index}${signature === undefined ? "" : ` signed ${signature}`}`;
    }
    default:
      return event.case;
  }
}

function describePart({ part }: ContentPart): unknown[] {
  switch (part.case) {
    case "text":
      return ["text", part.value.text];
    case "reasoning":
      expect(part.value.signatureIssuer).toBe("google-generate-content");
      return ["reasoning", part.value.text, part.value.signature];
    case "toolCall": {
      const { id, name, argumentsJson, signature } = part.value;
      return ["toolCall", id, name, argumentsJson, signature ?? null];
    }
    case "citation": {
      const { uri, startIndex, endIndex, quotedText } = part.value;
      return ["citation", uri, startIndex, endIndex, quotedText ?? null];
    }
    case "media": {
      const { source, mediaType } = part.value;
      return ["media", mediaType, source.case === "data" ? source.value.toBase64() : ""];
    }
    case "formatPart":
      return ["own", part.value.content];
    default:
      return [part.case];
  }
}

const sse = (data: string[]): string => data.map((line) => `data: ${line}\r\n\r\n`).join("");
const bytesOf = ({ stream, raw }: { stream: string[]; raw?: string }): Uint8Array =>
  encode(sse(stream) + (raw ?? ""));

function caught(run: () => unknown): GatewayError | undefined {
  try {
    run();
  } catch (error) {
    if (error instanceof GatewayError) return error;
    throw error;
  }
  return undefined;
}

describe("answers", () => {
  it.each(answers)("$name", ({ body, parts, finish, usage, warnings }) => {
    const answer = format.readResponse(encode(JSON.stringify(body)));
    const candidate = answer.candidates[0]!;
    expect(candidate.parts.map(describePart)).toEqual(parts);
    const reason = nameOf(FinishReason, candidate.finish.reason);
    expect([reason, candidate.finish.rawReason]).toEqual(finish);
    expect(counts(answer.end.usage)).toEqual(usage);
    expect(answer.end.warnings).toEqual(warnings ?? []);
    expect(answer.end).toMatchObject({ responseId: body.responseId, model: body.modelVersion });
    // Written for a caller and read again it is the same answer.
    const source = { $typeName: "penstock.type.v1.TokenUsage", source: 1 } as const;
    const id = { ...identity, responseId: body.responseId };
    const again = format.writeResponse(answer, id, answer.end.usage ?? source);
    const reread = format.readResponse(encode(again));
    const known = reread.candidates[0]!.parts.map(describePart);
    const withoutQuotes = parts.map((part) =>
      part[0] === "citation" ? [...part.slice(0, 4), null] : part,
    );
    expect(known).toEqual(withoutQuotes);
    expect(reread.candidates[0]!.finish.reason).toBe(candidate.finish.reason);
    if (usage !== null) expect(counts(reread.end.usage)).toEqual(usage);
  });

  it.each(["", "x", "[]", "{}", "[{},{}]", `{"candidates":[]}`, `{"candidates":[7]}`])(
    "refuses %j as malformed",
    (text) => {
      expect(caught(() => format.readResponse(encode(text)))?.reason).toBe("UPSTREAM_MALFORMED");
    },
  );

  it.each([
    [`{"promptFeedback":{"blockReason":"SAFETY"}}`, "CONTENT_FILTERED", "SAFETY"],
    [`{"error":{"code":503,"status":"UNAVAILABLE"}}`, "UPSTREAM_OVERLOADED", "UNAVAILABLE"],
    [`[{"error":{"code":429,"status":"RESOURCE_EXHAUSTED"}}]`, "UPSTREAM_RATE_LIMITED", undefined],
    [
      `{"candidates":[{"finishReason":"UNEXPECTED_TOOL_CALL"}]}`,
      "UPSTREAM_FAILED",
      "UNEXPECTED_TOOL_CALL",
    ],
  ])("takes %j in a 200 for an error", (text, reason, code) => {
    const error = caught(() => format.readResponse(encode(text)));
    expect(error?.reason).toBe(reason);
    if (code !== undefined) expect(error?.metadata["provider_code"]).toBe(code);
  });

  it("tells a caller of a call whose arguments are broken", () => {
    const answer = format.readResponse(encode(JSON.stringify(answers[3]!.body)));
    const { part } = answer.candidates[0]!.parts[0]!;
    if (part.case === "toolCall") part.value.argumentsJson = '{"city":';
    const written = format.writeResponse(answer, identity, answer.end.usage!);
    expect(JSON.parse(written)).toMatchObject({
      candidates: [{ finishReason: "MALFORMED_FUNCTION_CALL" }],
    });
  });
});

describe("streams", () => {
  it.each(streams)("$name", (fixture) => {
    const { events, finish, usage, fails, warnings } = fixture;
    const outcome = read([bytesOf(fixture)]);
    expect(outcome.events.map(describeEvent)).toEqual(events);
    expect(checkEventGrammar(outcome.events)).toEqual([]);
    if (fails !== undefined) {
      const { reason, metadata } = outcome.error!;
      expect([reason, metadata["failure_class"]]).toEqual(fails);
      expect(outcome.end).toBeUndefined();
      return;
    }
    expect(outcome.error).toBeUndefined();
    const ends = outcome.end!.candidates.map((one) => [
      nameOf(FinishReason, one.reason),
      one.rawReason,
    ]);
    expect(ends).toEqual(finish);
    expect(counts(outcome.end!.usage)).toEqual(usage);
    expect(outcome.end!.warnings).toEqual(warnings ?? []);
    expect(outcome.end!.model).toBe("gemini-2.5-flash");
  });

  it.each(streams)("$name, at every prefix", (fixture) => {
    const bytes = bytesOf(fixture);
    for (let length = 0; length < bytes.length; length++) {
      const prefix = read([bytes.subarray(0, length)]);
      expect(checkEventGrammar(prefix.events)).toEqual([]);
      expect((prefix.end === undefined) !== (prefix.error === undefined)).toBe(true);
      if (prefix.end === undefined) continue;
      // Only what was proven complete is an answer: every candidate that began had its end.
      const seen = new TextDecoder().decode(bytes.subarray(0, length));
      expect(seen).toContain('"finishReason"');
      expect(prefix.end.candidates.every(({ rawReason }) => rawReason !== "")).toBe(true);
    }
  });

  it.each(streams.filter((one) => one.fails === undefined))(
    "$name, written and read again, is the same",
    (fixture) => {
      const first = read([bytesOf(fixture)]);
      const writer = format.createStreamWriter(
        { ...identity, responseId: "mAitaLmkHPPlz7IPvtfUqQ4" },
        { includeUsage: true },
      );
      const text =
        first.events.map((event) => writer.event(event)).join("") +
        writer.finish(first.end!, first.end!.usage!);
      const second = read([encode(text)]);
      const shape = (outcome: Outcome): string[] => outcome.events.map(describeEvent);
      expect(shape(second).toSorted()).toEqual(shape(first).toSorted());
      const reasons = (outcome: Outcome): number[] =>
        outcome.end!.candidates.map(({ reason }) => reason);
      expect(reasons(second)).toEqual(reasons(first));
      expect(counts(second.end!.usage)).toEqual(counts(first.end!.usage));
    },
  );

  it("ignores keep-alives", () => {
    const { stream } = streams[0]!;
    const text = stream.map((line) => `: keep-alive\n\ndata: ${line}\r\n\r\n\r\n`).join("");
    expect(read([encode(text)]).end?.candidates).toHaveLength(1);
  });

  it("bounds lines and nesting", () => {
    const parts = [{ text: "x".repeat(2_000_000) }];
    const long = `data: ${JSON.stringify({ candidates: [{ content: { parts } }] })}\n\n`;
    expect(read([encode(long)]).error?.metadata["failure_class"]).toBe("MALFORMED");
    const deep = `data: {"a":${"[".repeat(200_000)}${"]".repeat(200_000)}}\n\n`;
    expect(read([encode(deep)]).error?.metadata["failure_class"]).toBe("MALFORMED");
  });

  it("never throws, whatever a server writes", () => {
    const anything = fc.jsonValue();
    const part = fc.record(
      {
        text: anything,
        thought: anything,
        thoughtSignature: anything,
        functionCall: fc.oneof(
          anything,
          fc.record({ name: anything, args: anything, id: anything }),
        ),
        inlineData: fc.oneof(anything, fc.record({ mimeType: anything, data: anything })),
      },
      { requiredKeys: [] },
    );
    const candidate = fc.record(
      {
        content: fc.oneof(anything, fc.record({ parts: fc.oneof(anything, fc.array(part)) })),
        finishReason: fc.oneof(
          anything,
          fc.constantFrom("STOP", "SAFETY", "MALFORMED_FUNCTION_CALL"),
        ),
        index: anything,
        groundingMetadata: fc.oneof(
          anything,
          fc.record({
            groundingChunks: fc.oneof(anything, fc.array(anything)),
            groundingSupports: fc.oneof(anything, fc.array(fc.record({ segment: anything }))),
          }),
        ),
        citationMetadata: fc.oneof(anything, fc.record({ citationSources: fc.array(anything) })),
      },
      { requiredKeys: [] },
    );
    const chunk = fc.record(
      {
        candidates: fc.oneof(anything, fc.array(candidate)),
        usageMetadata: anything,
        responseId: anything,
        modelVersion: anything,
        promptFeedback: anything,
      },
      { requiredKeys: [] },
    );
    const line = fc.oneof(
      fc.string(),
      fc.oneof(anything, chunk).map((value) => JSON.stringify(value)),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 6 }), (lines) => {
        const outcome = read([encode(sse(lines))]);
        expect(checkEventGrammar(outcome.events)).toEqual([]);
        expect((outcome.end === undefined) !== (outcome.error === undefined)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("errors", () => {
  it("have an example of every row that is Google's own", () => {
    const shown = errors.map(({ status, body }) => {
      const text = typeof body === "string" ? body : JSON.stringify(body);
      return format.readError(status, () => undefined, encode(text)).rule;
    });
    const own = failureRules.filter((rule) => !statusRules.includes(rule)).map(({ id }) => id);
    expect(own.filter((id) => !shown.includes(id))).toEqual([]);
  });

  it.each(errors)("$name ($status) is $class", (fixture) => {
    const { status, headers, body, class: expected, code, retryAfterMs } = fixture;
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const known = (headers ?? {}) as Record<string, string>;
    const failure = format.readError(status, (name) => known[name], encode(text));
    expect(failure.class).toBe(expected);
    if (code !== undefined) expect(failure.providerCode).toBe(code);
    expect(failure.retryAfterMs).toBe(retryAfterMs);
    expect(failure.message).not.toContain("AIzaSy");
    expect(failure.message.length).toBeLessThanOrEqual(256);
  });

  it("is total", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 999 }), fc.jsonValue(), (status, value) => {
        const body = encode(JSON.stringify({ error: { code: status, details: [value] } }));
        expect(format.readError(status, () => undefined, body).class).toBeTruthy();
        const other = encode(JSON.stringify(value));
        expect(format.readError(status, () => undefined, other).class).toBeTruthy();
      }),
    );
  });

  it("writes errors that its own reader understands", () => {
    const error = new GatewayError("UPSTREAM_RATE_LIMITED", "Too many requests.", {
      retryAfterMs: 46_000,
    });
    const body = JSON.parse(format.writeError(error, "r1")) as Record<string, unknown>;
    expect(body).toMatchObject({
      error: { code: 429, message: "Too many requests.", status: "RESOURCE_EXHAUSTED" },
    });
    const read = format.readError(429, () => undefined, encode(JSON.stringify(body)));
    expect(read).toMatchObject({ class: "RATE_LIMITED", retryAfterMs: 46_000 });
    const stream = format.writeStreamError(error, "r1");
    expect(stream).toMatch(/^data: \{"error":.*\}\r\n\r\n$/);
  });
});
