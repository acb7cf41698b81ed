import { describe, expect, it } from "vitest";
import { formats } from "./formats.ts";
import { unusualEnds } from "./unusual-end.ts";

describe("unusualEnds", () => {
  it("tells the provider's word for an end that other formats call complete", () => {
    const ends = (finishReason: string) => {
      const candidates = [{ content: { parts: [{ text: "a" }] }, finishReason }];
      const body = new TextEncoder().encode(JSON.stringify({ candidates }));
      return unusualEnds(formats["google-generate-content"].readResponse(body).end.candidates);
    };
    expect(ends("STOP")).toEqual([]);
    expect(ends("MAX_TOKENS")).toEqual([]);
    expect(ends("OTHER")).toEqual(["unusual_end: the provider says OTHER"]);
  });
});
