import { describe, expect, it } from "vitest";
import { type Json, hello, read, written } from "./request.fixture.ts";

describe("media in results of functions", () => {
  // ai.google.dev/gemini-api/docs/function-calling, "Multimodal function responses": from Gemini 3.
  it("follow the results for models that refuse them within", () => {
    const image = { inlineData: { mimeType: "image/png", data: "AAEC" } };
    const call = (name: string) => ({ functionCall: { id: name, name, args: {} } });
    const answer = (name: string) => ({ id: name, name, response: { output: "see" } });
    const [f, g] = [answer("f"), answer("g")];
    const within = [
      { functionResponse: { ...f, parts: [image] } },
      { functionResponse: { ...g, parts: [image] } },
    ];
    const start = [...hello, { role: "model", parts: [call("f"), call("g")] }];
    const contents = [...start, { role: "user", parts: within }];
    const { request } = read({ contents });
    const signed = written(request, "gemini-3-flash").body["contents"] as Json[];
    expect(signed.at(-1)).toEqual({ role: "user", parts: within });
    const { body, warnings } = written(request, "publishers/google/models/gemini-2.5-pro");
    expect((body["contents"] as Json[]).slice(2)).toEqual([
      { role: "user", parts: [{ functionResponse: f }, { functionResponse: g }] },
      {
        role: "user",
        parts: [
          { text: "Media of the result of f:" },
          image,
          { text: "Media of the result of g:" },
          image,
        ],
      },
    ]);
    expect(warnings).toContain("approximated: media of results follow in a content of the user");
  });
});
