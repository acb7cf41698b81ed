import { create, toBinary } from "@bufbuild/protobuf";
import { GenerateRequestSchema, MessageRole } from "@penstock/api";
import type { GenerateRequest } from "@penstock/api";
import { formats } from "@penstock/formats";
import { describe, expect, it } from "vitest";
import { mediaOf, textBytes } from "./media-size.ts";
import { createPipeline } from "./pipeline.fixture.ts";

const png = Buffer.alloc(3_000_000, 7);
png.set([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52]);
png.writeUInt32BE(1_024, 16);
png.writeUInt32BE(1_024, 20);
/** By the formula of the vendor that counts most for this size. */
const imageTokens = 1_399;

function chatBody(content: unknown): Buffer {
  return Buffer.from(JSON.stringify({ model: "smart", messages: [{ role: "user", content }] }));
}

const question = { type: "text", text: "What is on it?" };
const url = `data:image/png;base64,${png.toString("base64")}`;
const withImage = [question, { type: "image_url", image_url: { url } }];

function read(body: Buffer): GenerateRequest {
  return formats["openai-chat"].readRequest(body).request;
}

describe("the size of media", () => {
  it("is nothing where there are none", () => {
    const request = read(chatBody("hi"));
    expect(mediaOf({ request, callerFormat: "openai-chat" })).toBeUndefined();
    expect(textBytes(100, undefined)).toBe(100);
  });

  it("is all of the base64 of a body, and the tokens of an image by its pixels", () => {
    const body = chatBody(withImage);
    const media = mediaOf({ request: read(body), callerFormat: "openai-chat" });
    expect(media).toMatchObject({ bytes: 4_000_000, tokens: imageTokens });
    const around = chatBody([question, { type: "image_url", image_url: { url: "" } }]).length;
    expect(textBytes(body.length, media)).toBe(around + "data:image/png;base64,".length);
  });

  it("is that of the bytes themselves where the caller speaks protobuf", () => {
    const request = read(chatBody(withImage));
    const media = mediaOf({ request, callerFormat: undefined });
    expect(media?.bytes).toBe(3_000_000);
    const size = toBinary(GenerateRequestSchema, request).length;
    expect(textBytes(size, media)).toBeLessThan(200);
  });

  it("counts what tools gave back, and what is fetched elsewhere", () => {
    const image = { case: "media" as const, value: { mediaType: "image/png", source: data(png) } };
    const elsewhere = { case: "uri" as const, value: "https://example.com/a.png" };
    const request = create(GenerateRequestSchema, {
      messages: [
        {
          role: MessageRole.TOOL,
          parts: [{ part: { case: "toolResult", value: { parts: [{ part: image }] } } }],
        },
        {
          role: MessageRole.USER,
          parts: [{ part: { case: "media", value: { source: elsewhere } } }],
        },
      ],
    });
    const media = mediaOf({ request, callerFormat: undefined });
    expect(media).toMatchObject({ bytes: 3_000_000, tokens: imageTokens + 4_784 });
  });
});

function data(value: Uint8Array) {
  return { case: "data" as const, value };
}

describe("a request with an image of 3 MB", () => {
  it("is charged for the image and not for its bytes when it is cancelled", () => {
    const { messages } = read(chatBody(withImage));
    const pipeline = createPipeline();
    pipeline.caller.requestBytes = 4_000_100;
    pipeline.caller.format = "openai-chat";
    const { handler } = pipeline.send({ messages });
    handler.cancel();
    // 100 bytes of text are 28 tokens.
    expect(pipeline.spool.finals[0]?.usage?.inputTokens).toBe(BigInt(28 + imageTokens));
  });
});
