import { describe, expect, it } from "vitest";
import { headerValue, revisionText } from "./answer-headers.ts";

describe("the values of headers", () => {
  it("are printable ASCII, whatever a provider says", () => {
    expect(headerValue("gpt-4o mini~")).toBe("gpt-4o mini~");
    expect(headerValue("a\r\nb\u007fé€")).toBe("a??b???");
  });

  it("tell each revision, also beyond what a number holds", () => {
    for (const revision of [0n, 7n, 7n, 2n ** 53n + 1n, 7n, 0n]) {
      expect(revisionText(revision)).toBe(String(revision));
    }
  });
});
