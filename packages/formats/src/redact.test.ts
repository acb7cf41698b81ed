import { describe, expect, it } from "vitest";
import { redactMessage } from "./redact.ts";

describe("redactMessage", () => {
  it.each([
    "sk-proj-abcDEF123456",
    "sk-abc*******wxyz",
    "psk_abcdefghijkl_0123456789",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
    "AIzaSyA1234567890abcdef",
    "AKIAABCDEFGHIJKLMNOP",
    "Bearer whatever",
    "0123456789abcdef0123456789abcdef",
  ])("hides %s", (key) => {
    const text = redactMessage(`Incorrect API key provided: ${key}. See the site.`);
    expect(text).toContain("[redacted]");
    expect(text).not.toContain(key);
  });

  it("keeps words and model names", () => {
    const text = "The model gpt-4o-mini-2024-07-18 does not exist; max_completion_tokens too high";
    expect(redactMessage(text)).toBe(text);
  });

  it("makes one bounded line of anything", () => {
    expect(redactMessage('a\n{"level":1}\u001b]0;x\u2028b')).toBe(`a {"level":1} ]0;x b`);
    expect(redactMessage("word ".repeat(1_000))).toHaveLength(256);
  });
});
