import { describe, expect, it } from "vitest";
import { bytesOf } from "../conformance/format-samples.fixture.ts";
import { readStream, type Outcome } from "../conformance/read-outcome.fixture.ts";
import { googleGenerateContent } from "./google-generate-content.ts";

// The API has no end mark: what a broken connection leaves is an answer only where its end was told
// by a server that does not tell one with every chunk.

const chunk = (text: string, finishReason?: string, index = 0): object => ({
  candidates: [{ index, content: { parts: [{ text }], role: "model" }, finishReason }],
});
const usage = { usageMetadata: { promptTokenCount: 3, candidatesTokenCount: 2 } };

function read(chunks: readonly object[], rest = ""): Outcome {
  const events = chunks.map((one) => `data: ${JSON.stringify(one)}\r\n\r\n`);
  return readStream(googleGenerateContent, [bytesOf([...events, rest])]);
}

describe("an answer that ends without its connection", () => {
  it.each<[string, object[], boolean]>([
    ["behind its finish reason", [chunk("He"), chunk("llo", "STOP")], true],
    ["behind its usage", [chunk("He"), chunk("llo", "STOP"), usage], true],
    ["before its finish reason", [chunk("He"), usage], false],
    ["in a reason with every chunk", [chunk("He", "STOP"), chunk("llo", "STOP")], false],
    ["in one chunk", [chunk("Hello", "STOP")], false],
    ["after it went on", [chunk("H"), chunk("e", "STOP"), chunk("llo")], false],
    ["in one of two candidates", [chunk("A"), chunk("B", undefined, 1), chunk("", "STOP")], false],
    [
      "in both",
      [chunk("A"), chunk("B", undefined, 1), chunk("", "STOP"), chunk("", "STOP", 1)],
      true,
    ],
    ["before it began", [], false],
  ])("%s", (_name, chunks, proven) => {
    expect(read(chunks).proven).toBe(proven);
  });

  it("loses no more than what was to follow", () => {
    const { end, error } = read([chunk("He"), chunk("llo", "STOP")], 'data: {"usageMeta');
    expect(error).toBeUndefined();
    expect(end?.candidates.map(({ rawReason }) => rawReason)).toEqual(["STOP"]);
    expect(end?.usage).toBeUndefined();
    expect(read([chunk("He")], 'data: {"usageMeta').error?.metadata["failure_class"]).toBe(
      "MALFORMED",
    );
  });
});
