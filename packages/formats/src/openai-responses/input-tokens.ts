import { asciiJson } from "../ascii-json.ts";
import { onlyMembers, readCountedTokens } from "../counted-tokens.ts";
import type { CountingFormat } from "../counting-format.ts";
import { formatName } from "./format-part.ts";
import { hasForeignSignature } from "./forward-request.ts";
import { readRequest } from "./read-request.ts";
import { requestBody } from "./write-request.ts";

/**
 * What the endpoint takes of a request but for what is stored
 * (developers.openai.com/api/reference/resources/responses/subresources/input_tokens).
 */
const members = [
  "model",
  "instructions",
  "input",
  "tools",
  "tool_choice",
  "parallel_tool_calls",
  "reasoning",
  "text",
  "truncation",
];

/** `POST /v1/responses/input_tokens`. */
export const openaiInputTokens: CountingFormat = {
  name: "openai-input-tokens",
  format: formatName,
  readRequest,
  writeRequest: (request, target) =>
    JSON.stringify(onlyMembers(requestBody(request, target), members)),
  forwardRequest: ({ model }, request, target) =>
    request.messages.some(hasForeignSignature)
      ? undefined
      : { ...model, text: asciiJson(target.model) },
  readResponse: (body) => readCountedTokens(body, "input_tokens"),
  writeResponse: (inputTokens) => ({ object: "response.input_tokens", input_tokens: inputTokens }),
};
