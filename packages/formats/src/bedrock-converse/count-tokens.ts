import { onlyMembers, readCountedTokens } from "../counted-tokens.ts";
import type { CountingFormat } from "../counting-format.ts";
import { invalidBody } from "../invalid-body.ts";
import { isJsonObject, readJsonObject } from "../read-json.ts";
import type { CallerRequest, RequestAddress } from "../format.ts";
import { readRequest } from "./read-request.ts";
import { requestBody } from "./write-request.ts";

/** Members of a ConverseTokensRequest. */
const members = ["messages", "system", "toolConfig", "additionalModelRequestFields"];

const encoder = new TextEncoder();

/**
 * CountTokens of Amazon Bedrock for a request of Converse
 * (docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_CountTokens.html). Not every model
 * counts, and none by the id of an inference profile: those refuse with a ValidationException.
 */
export const bedrockCountTokens: CountingFormat = {
  name: "bedrock-count-tokens",
  format: "bedrock-converse",
  readRequest: readTokensRequest,
  writeRequest: (request, target) =>
    JSON.stringify({ input: { converse: onlyMembers(requestBody(request, target), members) } }),
  readResponse: (body) => readCountedTokens(body, "inputTokens"),
  writeResponse: (inputTokens) => ({ inputTokens }),
};

function readTokensRequest(body: Uint8Array, address?: RequestAddress): CallerRequest {
  const { input } = readJsonObject(body);
  const converse = isJsonObject(input) ? input["converse"] : undefined;
  if (!isJsonObject(converse)) throw invalidBody("input.converse", "is required");
  return readRequest(encoder.encode(JSON.stringify(converse)), address);
}
