import type { GenerateRequest, ResponseFormat, Sampling } from "@penstock/api";
import { claudeRules } from "../claude-rules.ts";
import { untakable } from "../claude-request.ts";
import { claudeSchema } from "../claude-schema.ts";
import {
  claudeEffort,
  claudeSampling,
  claudeThinking,
  type ClaudeTarget,
  type ClaudeThinking,
} from "../claude-thinking.ts";
import { FieldProblems } from "../field-problems.ts";
import { otherFields } from "../field-values.ts";
import type { JsonObject, TargetRequest } from "../format.ts";
import { isJsonObject } from "../read-json.ts";
import { isRefusedField } from "../refused-fields.ts";
import { ToolIds, type ToolIdForm } from "../tool-ids.ts";
import { cannotSay } from "./cannot-say.ts";
import { modelFamily } from "./model-family.ts";
import { novaReasoning } from "./nova-reasoning.ts";
import { readsFromS3 } from "./own-part.ts";
import { writeInference } from "./write-inference.ts";
import { writeMessages } from "./write-messages.ts";
import { writeToolConfig } from "./write-tools.ts";

type Written = Record<string, unknown>;

/** What Bedrock accepts as an id of a tool call. */
const toolIdForm: ToolIdForm = {
  accepted: /^[A-Za-z0-9_-]{1,64}$/,
  nameOf: (count) => `penstock_${count}`,
};

/** Fields that are written from the canonical request; nobody may set them beside it. */
const ownFields: ReadonlySet<string> = new Set(["modelId", "messages", "system"]);
/** Objects that are written, with the members that are; any other member may be carried into them. */
const sharedFields: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ["inferenceConfig", new Set(["maxTokens", "temperature", "topP", "stopSequences"])],
  ["toolConfig", new Set(["tools", "toolChoice"])],
  ["outputConfig", new Set(["textFormat", "effort"])],
]);

/** Efforts that the API documents, and what others come nearest to. */
const efforts: ReadonlySet<string> = new Set(["low", "medium", "high", "xhigh", "max"]);

/** Tiers that the API documents. */
const tiers: ReadonlySet<string> = new Set(["default", "flex", "priority", "reserved"]);

/**
 * Writes the body for a target; the model and whether it streams stand in the path. What else
 * `format_parameters["bedrock-converse"]` has is sent as it is, such as `guardrailConfig` or
 * `additionalModelRequestFields`. Throws UNSUPPORTED_FIELD for content that the
 * format has no words for; a parameter that it has none for is left out with a warning.
 */
export function writeRequest(request: GenerateRequest, target: TargetRequest): string {
  return JSON.stringify(requestBody(request, target));
}

/** The members of the body that `writeRequest` writes; see there. */
export function requestBody(request: GenerateRequest, target: TargetRequest): Written {
  if ((request.candidateCount ?? 1) > 1) throw cannotSay("candidate_count", "more than one");
  const extras = request.formatParameters["bedrock-converse"];
  const { system, messages } = writeMessages(request.messages, {
    target,
    ids: new ToolIds(toolIdForm),
    names: new Set(),
  });
  const claude = claudeOf(request, target);
  const thinking = claude && claudeThinking(request, claude);
  const sampling = claude ? claudeSampling(request.sampling, thinking, claude) : request.sampling;
  const body: Written = {
    messages,
    system: system.length === 0 ? undefined : system,
    inferenceConfig: writeInference(sampling, target),
    toolConfig: writeToolConfig(request, target),
    outputConfig: writeOutputConfig(request, claude, target),
    additionalModelRequestFields: writeModelFields(request, sampling, { thinking, target }),
    serviceTier: writeServiceTier(request.serviceTier, target),
  };
  warnOfDropped(request, target);
  if (extras !== undefined) addCarried(body, extras);
  return body;
}

/**
 * Checks the `format_parameters["bedrock-converse"]` of a caller who wrote them directly: throws
 * UNSUPPORTED_FIELD for a name that is refused, or that has its own field in the request.
 */
export function checkConverseParameters(request: GenerateRequest): void {
  const problems = new FieldProblems();
  for (const [name, value] of Object.entries(request.formatParameters["bedrock-converse"] ?? {})) {
    const known = sharedFields.get(name);
    const refused = known === undefined && (ownFields.has(name) || isRefusedField(name));
    const members = known === undefined || !isJsonObject(value) ? [] : Object.keys(value);
    const fields = members.filter((one) => known?.has(one)).map((one) => `${name}.${one}`);
    for (const field of refused ? [name] : fields) {
      problems.addUnsupported(
        `format_parameters["bedrock-converse"].${field}`,
        "is refused here: it is a field of the request itself, or no caller may choose it",
      );
    }
  }
  problems.throwIfAny();
}

/** What is known of a model of Anthropic; undefined for those of others. */
function claudeOf(request: GenerateRequest, target: TargetRequest): ClaudeTarget | undefined {
  if (modelFamily(target.model) !== "anthropic") return undefined;
  const rules = claudeRules(target.model);
  const refused = untakable(request, rules);
  if (refused !== undefined) throw cannotSay(refused.path, refused.what);
  const maxTokens = request.sampling?.maxOutputTokens;
  return { rules, maxTokens, format: "bedrock-converse", warn: target.warn };
}

function writeOutputConfig(
  { reasoning, responseFormat }: GenerateRequest,
  claude: ClaudeTarget | undefined,
  target: TargetRequest,
): Written | undefined {
  const effort = reasoning?.effort;
  // Models of Amazon take it among fields of their own.
  const isNova = modelFamily(target.model) === "nova";
  return withMembers({
    textFormat: writeTextFormat(responseFormat, target),
    effort: isNova
      ? undefined
      : claude
        ? claudeEffort(effort, claude)
        : writeEffort(effort, target),
  });
}

function writeTextFormat(
  format: ResponseFormat | undefined,
  target: TargetRequest,
): Written | undefined {
  switch (format?.format.case) {
    case "jsonObject":
      target.warn?.("response_format_dropped: JSON without a schema can't be asked of Bedrock");
      return undefined;
    case "jsonSchema": {
      const { name, description, schema = {} } = format.format.value;
      const jsonSchema = {
        schema: JSON.stringify(claudeSchema(schema, target.warn)),
        name: name === "" ? undefined : name,
        description,
      };
      return { type: "json_schema", structure: { jsonSchema } };
    }
    default:
      return undefined;
  }
}

function writeEffort(effort: string | undefined, { warn }: TargetRequest): string | undefined {
  if (effort === undefined || efforts.has(effort)) return effort;
  if (effort === "minimal") {
    warn?.("reasoning_effort_approximated: minimal is sent as low");
    return "low";
  }
  warn?.("reasoning_effort_dropped: Bedrock knows low, medium, high, xhigh and max");
  return undefined;
}

function writeServiceTier(tier: string | undefined, { warn }: TargetRequest): Written | undefined {
  if (tier === undefined) return undefined;
  if (tiers.has(tier)) return { type: tier };
  warn?.("service_tier_dropped: Bedrock knows default, flex, priority and reserved");
  return undefined;
}

/** What only models of one maker know. */
function writeModelFields(
  { reasoning }: GenerateRequest,
  sampling: Sampling | undefined,
  { thinking, target }: { thinking: ClaudeThinking | undefined; target: TargetRequest },
): Written | undefined {
  const budget = reasoning?.maxTokens;
  const topK = sampling?.topK;
  const family = modelFamily(target.model);
  if (family === "anthropic") {
    return withMembers({ thinking, top_k: topK });
  }
  if (budget !== undefined) dropped(target, "reasoning.max_tokens");
  if (family === "nova") {
    const inferenceConfig = topK === undefined ? undefined : { topK };
    const reasoningConfig = novaReasoning(reasoning?.effort, target);
    return withMembers({ inferenceConfig, reasoningConfig });
  }
  if (topK !== undefined) dropped(target, "sampling.top_k");
  return undefined;
}

function warnOfDropped(request: GenerateRequest, target: TargetRequest): void {
  const { sampling, endUser, messages } = request;
  if (messages.some(({ name }) => name !== undefined)) dropped(target, "messages.name");
  if (endUser !== undefined) dropped(target, "end_user");
  if (sampling?.topLogprobs !== undefined) dropped(target, "sampling.top_logprobs");
  if (sampling?.seed !== undefined) dropped(target, "sampling.seed");
  if (sampling?.frequencyPenalty !== undefined) dropped(target, "sampling.frequency_penalty");
  if (sampling?.presencePenalty !== undefined) dropped(target, "sampling.presence_penalty");
}

function dropped({ warn }: TargetRequest, field: string): void {
  warn?.(`parameter_dropped: ${field} can't be said to this model at Bedrock`);
}

/** The caller's words about a model win over what was made of common parameters. */
function addCarried(body: Written, extras: JsonObject): void {
  if (readsFromS3(extras)) {
    throw cannotSay(`format_parameters["bedrock-converse"]`, "something to be read from S3");
  }
  for (const [name, value] of Object.entries(extras)) {
    if (ownFields.has(name) || isRefusedField(name)) continue;
    const known = sharedFields.get(name);
    const written = isJsonObject(body[name]) ? body[name] : {};
    if (known === undefined) body[name] = isJsonObject(value) ? { ...written, ...value } : value;
    else if (isJsonObject(value)) {
      const others = otherFields(value, known);
      if (others !== undefined) body[name] = { ...others, ...written };
    }
  }
}

/** Without the members that are not there; undefined when none is. */
function withMembers(object: Written): Written | undefined {
  let members: Written | undefined;
  for (const name in object) {
    if (object[name] !== undefined) (members ??= {})[name] = object[name];
  }
  return members;
}
