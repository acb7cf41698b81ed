import { openaiChat } from "@penstock/formats";
import { describe, expect, it } from "vitest";
import { findEndpoint } from "./endpoint.ts";
import type { Endpoint } from "./endpoint.ts";
import { openaiDialect } from "./openai-dialect.ts";

const endpoint: Endpoint = {
  format: openaiChat,
  dialect: openaiDialect,
  paths: [
    { path: "/v1/ask" },
    { path: "/models/{model}:ask", stream: false },
    { path: "/models/{model}:askAndStream", stream: true },
  ],
  responseIdPrefix: "",
  caching: "automatic",
};

describe("findEndpoint", () => {
  it.each([
    ["/alpha/v1/ask", undefined, undefined],
    ["/alpha/models/m:ask", "m", false],
    ["/alpha/models/m%2Bstatus-503%2Fx:0:askAndStream", "m+status-503/x:0", true],
  ])("finds %s", (path, model, stream) => {
    const found = findEndpoint([endpoint], path);
    expect(found).toEqual({ endpoint, vendorName: "alpha", model, stream });
  });

  it.each([
    "/v1/ask",
    "/alpha/v1/ask/",
    "/alpha/models/:ask",
    "/alpha/models/a/b:ask",
    "/alpha/models/%E0%A4%A:ask",
    "//",
  ])("does not find %s", (path) => {
    expect(findEndpoint([endpoint], path)).toBeUndefined();
  });
});
