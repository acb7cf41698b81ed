import type { GenerateRequest } from "@penstock/api";
import { onlyMembers, readCountedTokens } from "../counted-tokens.ts";
import type { CountingFormat } from "../counting-format.ts";
import { invalidBody } from "../invalid-body.ts";
import { isJsonObject, readJsonObject } from "../read-json.ts";
import type { CallerRequest, RequestAddress, TargetRequest } from "../format.ts";
import { formatName } from "./format-name.ts";
import { member } from "./proto-json.ts";
import { readRequest } from "./read-request.ts";
import { requestBody } from "./write-request.ts";

/** What the body of Vertex AI has (cloud.google.com/vertex-ai, projects.locations.endpoints/countTokens). */
const vertexMembers = ["contents", "systemInstruction", "tools", "generationConfig"];

const encoder = new TextEncoder();

const answers: Pick<CountingFormat, "format" | "readResponse" | "writeResponse"> = {
  format: formatName,
  readResponse: (body) => readCountedTokens(body, "totalTokens"),
  writeResponse: (inputTokens) => ({ totalTokens: inputTokens }),
};

/**
 * `models.countTokens` of the Gemini API, which takes a whole request of `generateContent` with the
 * model in it (ai.google.dev/api/tokens).
 */
export const geminiCountTokens: CountingFormat = {
  ...answers,
  name: "gemini-count-tokens",
  readRequest: readGeminiRequest,
  writeRequest: writeGeminiRequest,
};

/** `countTokens` of Vertex AI, which takes a few members of such a request as they are. */
export const vertexCountTokens: CountingFormat = {
  ...answers,
  name: "vertex-count-tokens",
  readRequest,
  writeRequest: (request, target) =>
    JSON.stringify(onlyMembers(requestBody(request, target), vertexMembers)),
};

function writeGeminiRequest(request: GenerateRequest, target: TargetRequest): string {
  const model = `models/${target.model}`;
  const generateContentRequest = { model, ...requestBody(request, target) };
  return JSON.stringify({ generateContentRequest });
}

/** Either a whole request or contents alone. */
function readGeminiRequest(body: Uint8Array, address?: RequestAddress): CallerRequest {
  const whole = member(readJsonObject(body), "generateContentRequest");
  if (whole === undefined) return readRequest(body, address);
  if (!isJsonObject(whole)) throw invalidBody("generateContentRequest", "is not an object");
  const read = readRequest(encoder.encode(JSON.stringify(whole)), address);
  return { ...read, forwardable: undefined };
}
