import { openaiChat } from "@penstock/formats";
import { describe, expect, it } from "vitest";
import { azureOpenai } from "./azure-openai.ts";

describe("azureOpenai", () => {
  it("gets instructions by the role that every version of its API knows", () => {
    const body = { model: "m", messages: [{ role: "developer", content: "Be brief." }] };
    const { request, forwardable } = openaiChat.readRequest(
      new TextEncoder().encode(JSON.stringify(body)),
    );
    const target = { model: "up", stream: false, quirks: azureOpenai.quirks };
    expect(openaiChat.forwardRequest(forwardable!, request, target)).toBeUndefined();
    expect(JSON.parse(openaiChat.writeRequest(request, target))).toMatchObject({
      messages: [{ role: "system", content: "Be brief." }],
    });
  });
});
