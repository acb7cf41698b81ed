import { describe, expect, it } from "vitest";
import { readCitations } from "./citations.ts";

describe("readCitations", () => {
  it("looks at no more sources than it tells", () => {
    // Each citation costs a walk through the text: all of them would take minutes.
    const support = { segment: { endIndex: 4_000 }, groundingChunkIndices: Array(50_000).fill(0) };
    const groundingMetadata = {
      groundingChunks: [{ web: { uri: "https://x.example/" } }],
      groundingSupports: Array(256).fill(support),
    };
    expect(readCitations({ groundingMetadata }, "x".repeat(5_000))).toHaveLength(256);
  });
});
