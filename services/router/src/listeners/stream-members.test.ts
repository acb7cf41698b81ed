import { formats } from "@penstock/formats";
import type { FormatName } from "@penstock/formats";
import { describe, expect, it } from "vitest";
import { streamMemberBytes } from "./stream-members.ts";

const messages = [{ role: "user", content: "Hello there" }];
const chat = { model: "smart", messages };
const bodies: readonly (readonly [FormatName, object, readonly object[]])[] = [
  [
    "openai-chat",
    chat,
    [
      { stream: false },
      { stream: true },
      { stream: true, stream_options: { include_usage: true } },
    ],
  ],
  ["anthropic-messages", { ...chat, max_tokens: 9 }, [{ stream: false }, { stream: true }]],
  [
    "openai-responses",
    { model: "smart", input: "Hello there" },
    [{ stream: false }, { stream: true }],
  ],
];

/** Bytes of a body by which its input is estimated. */
function inputBytes(name: FormatName, fields: object, stream = false): number {
  const body = Buffer.from(JSON.stringify(fields));
  const read = formats[name].readRequest(body, { model: "smart", stream });
  return body.length - streamMemberBytes(name, read);
}

describe("bytes of the input", () => {
  it.each(bodies)("are the same of %s however the answer is to come", (name, fields, ways) => {
    const plain = JSON.stringify(fields).length;
    expect(inputBytes(name, fields)).toBe(plain);
    for (const way of ways) expect(inputBytes(name, { ...fields, ...way })).toBe(plain);
  });

  it("are all of a body whose path says it", () => {
    const fields = { contents: [{ role: "user", parts: [{ text: "Hello there" }] }] };
    const plain = JSON.stringify(fields).length;
    expect(inputBytes("google-generate-content", fields, true)).toBe(plain);
  });
});
