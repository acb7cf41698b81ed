import { formats } from "@penstock/formats";
import type { AnswerEnd, StreamSink } from "@penstock/formats";
import { describe, expect, it } from "vitest";
import { inputTokens, wholeOutputTokens } from "../verify.ts";
import { pairs } from "./pairs.ts";
import { vendorAnswers } from "./vendor-answers.ts";

const chunks = 7;

/** What stands behind the head. */
function bodyOf(answer: Buffer): Buffer {
  return answer.subarray(answer.indexOf("\r\n\r\n") + 4);
}

/** The bytes inside of a chunked body. */
function unchunk(body: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < body.length;) {
    const line = body.indexOf("\r\n", at);
    const size = Number.parseInt(body.toString("latin1", at, line), 16);
    parts.push(body.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
  }
  return Buffer.concat(parts);
}

describe.each([...new Set(pairs.map(({ upstream }) => upstream))])("%s", (name) => {
  const { whole, head, event, last } = vendorAnswers(name, chunks);

  it("has the tokens that verification expects in a whole answer", () => {
    const length = /content-length: (\d+)/.exec(whole.toString("latin1"))?.[1];
    const body = bodyOf(whole);
    expect(Number(length)).toBe(body.length);
    const { usage } = formats[name].readResponse(body).end;
    expect(usage).toMatchObject({ inputTokens, outputTokens: wholeOutputTokens });
  });

  it("has a text and a token for each piece of a stream", () => {
    let text = "";
    let ended: AnswerEnd | undefined;
    const sink: StreamSink = {
      event: (one) => {
        if (one.case === "blockDelta" && one.value.delta.case === "text") {
          text += one.value.delta.value;
        }
      },
      flush: () => undefined,
      finish: (end) => void (ended = end),
      fail: (error) => {
        throw error;
      },
    };
    const reader = formats[name].createStreamReader(sink);
    const pieces = Array.from({ length: chunks }, () => event);
    reader.push(unchunk(Buffer.concat([bodyOf(head), ...pieces, last])));
    reader.end();
    expect(text).toBe(" hello".repeat(chunks));
    expect(ended?.usage).toMatchObject({ inputTokens, outputTokens: BigInt(chunks) });
  });
});
