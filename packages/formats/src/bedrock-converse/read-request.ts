import type { GenerateRequest, ResponseFormat, Sampling } from "@penstock/api";
import { FieldProblems } from "../field-problems.ts";
import {
  otherFields,
  readInteger,
  readList,
  readNumber,
  readObject,
  readText,
} from "../field-values.ts";
import type { CallerRequest, JsonObject, RequestAddress } from "../format.ts";
import { GatewayError } from "@penstock/errors";
import { newRequest } from "../new-request.ts";
import { readJsonObject } from "../read-json.ts";
import { isRefusedField } from "../refused-fields.ts";
import { readMessages, readSystem } from "./read-messages.ts";
import { readToolConfig } from "./read-tools.ts";

const maxStopCount = 2_500;
const tokens = { min: 1, max: 2_147_483_647 };
const share = { min: 0, max: 1 };

const samplingFields: ReadonlySet<string> = new Set([
  "maxTokens",
  "temperature",
  "topP",
  "stopSequences",
]);
const outputFields: ReadonlySet<string> = new Set(["textFormat", "effort"]);

/** A request while its fields are read. */
interface Draft {
  readonly request: GenerateRequest;
  readonly problems: FieldProblems;
  readonly extras: Record<string, unknown>;
}

const encoder = new TextEncoder();

/**
 * Reads a request of the Converse API, whose path names the model and whether it streams. Fields
 * without a place in the canonical request travel in `format_parameters["bedrock-converse"]`.
 * Throws FIELD_INVALID or UNSUPPORTED_FIELD with the paths of all problems, 20 at most.
 */
export function readRequest(body: Uint8Array, address?: RequestAddress): CallerRequest {
  const fields = readJsonObject(body);
  const draft: Draft = { request: newRequest(), problems: new FieldProblems(), extras: {} };
  const { request, problems, extras } = draft;
  const model = address?.model ?? "";
  if (model === "" || model.length > 256) problems.add("modelId", "must have 1 to 256 characters");
  request.model = model;
  for (const [name, value] of Object.entries(fields)) {
    if (value !== null) readField(draft, name, value);
  }
  if (fields["messages"] == null) problems.add("messages", "is required");
  problems.throwIfAny();
  if (Object.keys(extras).length > 0) {
    request.formatParameters["bedrock-converse"] = extras as JsonObject;
  }
  const stream = address?.stream ?? false;
  return { request, stream, includeUsage: stream, forwardable: undefined };
}

function readField(draft: Draft, name: string, value: unknown): void {
  const { request, problems } = draft;
  switch (name) {
    case "messages":
      request.messages.push(...readMessages(problems, value));
      return;
    case "system":
      // Instructions come first, wherever the field stands.
      request.messages.unshift(...readSystem(problems, value));
      return;
    case "inferenceConfig":
      carry(draft, name, readInferenceConfig(draft, value));
      return;
    case "toolConfig":
      carry(draft, name, readToolConfig(problems, value, request));
      return;
    case "outputConfig":
      carry(draft, name, readOutputConfig(draft, value));
      return;
    case "serviceTier": {
      const { type, ...others } = readObject(problems, name, value) ?? {};
      request.serviceTier = readText(problems, "serviceTier.type", type, { min: 1, max: 64 });
      carry(draft, name, Object.keys(others).length === 0 ? undefined : others);
      return;
    }
    default:
      if (name === "modelId" || isRefusedField(name)) {
        problems.addUnsupported(name, "is refused: the path and the gateway say where it goes");
      } else carry(draft, name, value);
  }
}

function carry({ extras }: Draft, name: string, value: unknown): void {
  if (value !== undefined) extras[name] = value;
}

function readInferenceConfig(
  { request, problems }: Draft,
  value: unknown,
): Record<string, unknown> | undefined {
  const fields = readObject(problems, "inferenceConfig", value);
  if (fields === undefined) return undefined;
  const { maxTokens, temperature, topP, stopSequences } = fields;
  const at = (name: string): string => `inferenceConfig.${name}`;
  const sampling: Sampling = {
    $typeName: "penstock.inference.v1.Sampling",
    stopSequences: stopSequences == null ? [] : readStops(problems, stopSequences),
    maxOutputTokens:
      maxTokens == null ? undefined : readInteger(problems, at("maxTokens"), maxTokens, tokens),
    temperature:
      temperature == null ? undefined : readNumber(problems, at("temperature"), temperature, share),
    topP: topP == null ? undefined : readNumber(problems, at("topP"), topP, share),
  };
  request.sampling = sampling;
  return otherFields(fields, samplingFields);
}

function readStops(problems: FieldProblems, value: unknown): string[] {
  const path = "inferenceConfig.stopSequences";
  const list = readList(problems, path, value, maxStopCount) ?? [];
  return list.flatMap((one, index) => readText(problems, `${path}[${index}]`, one) ?? []);
}

function readOutputConfig(
  { request, problems }: Draft,
  value: unknown,
): Record<string, unknown> | undefined {
  const fields = readObject(problems, "outputConfig", value);
  if (fields === undefined) return undefined;
  const { textFormat, effort } = fields;
  if (effort != null) {
    const text = readText(problems, "outputConfig.effort", effort, { min: 1, max: 32 });
    request.reasoning = { $typeName: "penstock.inference.v1.Reasoning", effort: text };
  }
  if (textFormat != null) request.responseFormat = readTextFormat(problems, textFormat);
  return otherFields(fields, outputFields);
}

function readTextFormat(problems: FieldProblems, value: unknown): ResponseFormat | undefined {
  const path = "outputConfig.textFormat";
  const fields = readObject(problems, path, value) ?? {};
  if (fields["type"] !== "json_schema") problems.add(`${path}.type`, "must be json_schema");
  const structure = readObject(problems, `${path}.structure`, fields["structure"]) ?? {};
  const at = `${path}.structure.jsonSchema`;
  const { schema, name, description } = readObject(problems, at, structure["jsonSchema"]) ?? {};
  const format: ResponseFormat["format"] = {
    case: "jsonSchema",
    value: {
      $typeName: "penstock.inference.v1.JsonSchemaFormat",
      name: name == null ? "" : (readText(problems, `${at}.name`, name) ?? ""),
      description:
        description == null ? undefined : readText(problems, `${at}.description`, description),
      schema: readSchema(problems, `${at}.schema`, schema),
    },
  };
  return { $typeName: "penstock.inference.v1.ResponseFormat", format };
}

/** The schema is JSON within a text. */
function readSchema(problems: FieldProblems, field: string, value: unknown): JsonObject {
  const text = readText(problems, field, value) ?? "{}";
  try {
    return readJsonObject(encoder.encode(text)) as JsonObject;
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    problems.add(field, "must be the text of a JSON object");
    return {};
  }
}
