import { format, inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { Secret } from "./secret.ts";

describe("Secret", () => {
  it("reveals its value only when asked to", () => {
    const secret = new Secret("canary-4711");
    const holder = { nested: { secret }, list: [secret] };
    const error = new Error("failed", { cause: secret });
    const printed = [
      String(secret),
      `${secret}`,
      "" + secret,
      JSON.stringify(holder),
      inspect(holder, { depth: 9, showHidden: true }),
      inspect(error),
      format("%s %o %j", secret, secret, secret),
      JSON.stringify({ ...secret }),
      Object.keys(secret).join(),
    ].join("\n");
    expect(printed).not.toContain("canary");
    expect(printed).toContain("[redacted]");
    expect(secret.reveal()).toBe("canary-4711");
  });
});
