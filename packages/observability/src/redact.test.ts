import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isSensitiveName, redactText } from "./redact.ts";

const filler = "x1Y2".repeat(10);
const keys = {
  "a virtual key": `psk_abcdefghijkl_${filler}`,
  "an admin token": `pat_abcdefghijkl_${filler}`,
  "a service token": `pst_abcdefghijkl_${filler}`,
  "a vendor's key": `sk-proj-${filler}`,
  "a cloud key": "AKIAABCDEFGHIJKLMNOP",
  "a passing cloud key": "ASIAABCDEFGHIJKLMNOP",
  "a map key": `AIza${filler}`,
  "a token": `eyJhbGciOiJub25l.eyJzdWIiOiIxIn0.${filler}`,
  "a PEM block": `-----BEGIN PRIVATE KEY-----\n${filler}\n-----END PRIVATE KEY-----`,
};

describe("redactText", () => {
  for (const [name, key] of Object.entries(keys)) {
    it(`takes out ${name}, wherever it stands`, () => {
      expect(redactText(`before ${key} after`)).toBe("before [redacted] after");
      expect(redactText(`{"k":"${key}"}`)).toBe('{"k":"[redacted]"}');
    });
  }

  it("takes out passwords in URLs and bearer headers", () => {
    expect(redactText("postgres://me:pw@host/db")).toBe("postgres://[redacted]@host/db");
    expect(redactText("authorization: Bearer abcdef123")).toBe("authorization: Bearer [redacted]");
  });

  it("leaves ordinary text alone", () => {
    const text = "routes/smart task-based risk-free https://example.com/a@b 1,024 tokens";
    expect(redactText(text)).toBe(text);
  });

  it("takes out bearer secrets and passwords behind anything", () => {
    const before = fc.string({ maxLength: 20 });
    fc.assert(
      fc.property(before, fc.constantFrom("Bearer", "bearer"), (text, scheme) => {
        expect(redactText(`${text} ${scheme} abcdef123`)).not.toContain("abcdef123");
        expect(redactText(`${text}x://user:secret@host`)).not.toContain("secret");
      }),
    );
  });

  it("is linear in hostile texts", () => {
    for (const part of ["eyJ", "sk-", "-----BEGIN ", "://", "psk_", "Bearer "]) {
      const startMs = performance.now();
      redactText(part.repeat(100_000));
      expect(performance.now() - startMs).toBeLessThan(10_000);
    }
  });
});

describe("isSensitiveName", () => {
  it("knows names of credentials", () => {
    const names = ["authorization", "x-api-key", "apiKey", "refresh_token", "set-cookie", "secret"];
    expect(names.filter((name) => !isSensitiveName(name))).toEqual([]);
  });

  it("does not hide counts of tokens or names of keys", () => {
    const names = ["input_tokens", "maxTokens", "key_id", "tokenCount", "secretary"];
    expect(names.filter(isSensitiveName)).toEqual([]);
  });
});
