import { describe, expect, it } from "vitest";
import { openaiResponses } from "./openai-responses.ts";

describe("a file at an address", () => {
  // platform.openai.com/docs/guides/pdf-files: a file_url is that of a PDF.
  it("is a PDF for other formats where its address says so", () => {
    const content = (file_url: string) => {
      const input = [{ role: "user", content: [{ type: "input_file", file_url }] }];
      const body = new TextEncoder().encode(JSON.stringify({ model: "m", input }));
      const [part] = openaiResponses.readRequest(body).request.messages[0]?.parts ?? [];
      return part?.part.case === "media" ? part.part.value.mediaType : undefined;
    };
    expect(content("https://example.com/a.PDF?x=1")).toBe("application/pdf");
    expect(content("https://example.com/a?x=.pdf")).toBe("application/octet-stream");
  });
});
