import { describe, expect, it } from "vitest";
import { ownSignature } from "./own-signature.ts";

describe("ownSignature", () => {
  it("keeps what the format itself made, and what nobody claims", () => {
    const warnings: string[] = [];
    const warn = (warning: string): void => void warnings.push(warning);
    const own = { signature: "s", signatureIssuer: "openai-chat" };
    expect(ownSignature(own, "openai-chat", warn)).toBe("s");
    expect(ownSignature({ signature: "s" }, "openai-chat", warn)).toBe("s");
    expect(ownSignature({ signatureIssuer: "another" }, "openai-chat", warn)).toBeUndefined();
    expect(ownSignature({ signature: "" }, "openai-chat", warn)).toBeUndefined();
    expect(warnings).toEqual([]);
  });

  it("drops what another made, and says so", () => {
    const warnings: string[] = [];
    const foreign = { signature: "s", signatureIssuer: "another" };
    expect(ownSignature(foreign, "openai-chat", (one) => warnings.push(one))).toBeUndefined();
    expect(warnings).toEqual([
      "signature_dropped: a reasoning signature of another means nothing to openai-chat",
    ]);
    expect(ownSignature(foreign, "openai-chat")).toBeUndefined();
  });
});
