import type { GenerateRequest } from "@penstock/api";
import { isJsonObject } from "./read-json.ts";

/** What an API documents of the fields that travel in `format_parameters`. */
interface KnownParameters {
  /** At the top of the body. */
  readonly fields: ReadonlySet<string>;
  /** Of messages, items, parts and tools. Absent: not looked at. */
  readonly members?: ReadonlySet<string>;
  /** Members of fields that are objects; of the others everything is taken. */
  readonly objects?: Readonly<Record<string, ReadonlySet<string>>>;
}

const names = (text: string): ReadonlySet<string> => new Set(text.split(" "));

/**
 * Those of OpenAI and Anthropic are held against the parameters and blocks in the types of their
 * official clients (openai 7.57, @anthropic-ai/sdk with its beta) and against recorded turns of
 * coding agents. Those of Google and Amazon were held against nothing: nobody asks in these formats
 * over HTTP, so that they matter to gRPC callers alone. A format that is not here has no fields of
 * its own.
 */
const known: Readonly<Record<string, KnownParameters>> = {
  "openai-chat": {
    fields: names(
      "messages tools logit_bias metadata modalities moderation prediction prompt_cache_key " +
        "prompt_cache_options prompt_cache_retention safety_identifier store stream_options " +
        "verbosity web_search_options",
    ),
    members: names(
      "annotations audio cache_control function_call id index name prompt_cache_breakpoint strict " +
        "type reasoning_content reasoning_details",
    ),
    objects: { stream_options: names("include_obfuscation") },
  },
  "openai-responses": {
    fields: names(
      "input tools tool_choice access_programs client_metadata context_management image include max_tool_calls metadata " +
        "moderation prompt prompt_cache_key prompt_cache_options prompt_cache_retention reasoning " +
        "safety_identifier store stream_options text top_logprobs truncation",
    ),
    members: names(
      "acknowledged_safety_checks allowed_callers annotations async caller content created_by " +
        "defer_loading detail encrypted_content execution id logprobs name namespace output_schema parameters " +
        "phase prompt_cache_breakpoint role status strict summary type",
    ),
    objects: {
      reasoning: names("context generate_summary mode summary"),
      stream_options: names("include_obfuscation"),
      text: names("verbosity"),
    },
  },
  "anthropic-messages": {
    fields: names(
      "messages tools betas billing_policy cache_control compaction container context_management " +
        "diagnostics fallback_credit_token inference_geo mcp_servers output_format thread " +
        "metadata output_config service_tier speed system thinking user_profile_id workspace_id",
    ),
    members: names(
      "allowed_callers cache_control caller citations context defer_loading eager_input_streaming " +
        "id input_examples state_changes strict title toolset_name transformations type",
    ),
    objects: {
      output_config: names("task_budget"),
      thinking: names("block_binding budget_tokens display type"),
    },
  },
  "google-generate-content": {
    fields: names(
      "cachedContent contents generationConfig labels modelArmorConfig safetySettings serviceTier " +
        "store systemInstruction toolConfig tools",
    ),
  },
  "bedrock-converse": {
    fields: names(
      "additionalModelRequestFields additionalModelResponseFieldPaths guardrailConfig " +
        "inferenceConfig messages outputConfig performanceConfig promptVariables requestMetadata " +
        "serviceTier system toolConfig tools",
    ),
  },
};

/** Fields whose members stand by the position of a message or of a tool. */
const positional: Readonly<Record<string, string>> = {
  input: "messages",
  messages: "messages",
  tools: "tools",
};
/** What members hold besides: items and parts by their position, and the function of a tool. */
const containers: Readonly<Record<string, string>> = {
  content: ".parts",
  item: "",
  items: ".parts",
  parts: ".parts",
  function: ".function",
};

/** A parameter that the API of its format does not document. */
export interface UnknownParameter {
  readonly format: string;
  /** Its path: that of a field of the body, or in the canonical request for what is in messages. */
  readonly path: string;
}

/**
 * The parameters among those that a request carries for its format which the format's API does not
 * document; what Penstock carries on purpose is not among them. At most `most`.
 */
export function unknownParameters(request: GenerateRequest, most: number): UnknownParameter[] {
  const found: UnknownParameter[] = [];
  for (const [format, fields] of Object.entries(request.formatParameters)) {
    const note = (path: string): void => void (found.length < most && found.push({ format, path }));
    const api = Object.hasOwn(known, format) ? known[format] : undefined;
    for (const [name, value] of Object.entries(fields)) {
      if (api?.fields.has(name) !== true) note(name);
      else checkField(name, value, api, note);
    }
  }
  return found;
}

type Note = (path: string) => void;

function checkField(name: string, value: unknown, api: KnownParameters, note: Note): void {
  const { members, objects } = api;
  const root = Object.hasOwn(positional, name) ? positional[name] : undefined;
  if (root !== undefined) {
    if (members === undefined || !isJsonObject(value)) return;
    for (const [at, own] of Object.entries(value))
      checkMembers(own, `${root}[${at}]`, members, note);
    return;
  }
  const allowed = objects !== undefined && Object.hasOwn(objects, name) ? objects[name] : undefined;
  if (allowed === undefined || !isJsonObject(value)) return;
  for (const member of Object.keys(value)) if (!allowed.has(member)) note(`${name}.${member}`);
}

function checkMembers(own: unknown, path: string, members: ReadonlySet<string>, note: Note): void {
  if (!isJsonObject(own)) return;
  for (const [member, value] of Object.entries(own)) {
    const inside = Object.hasOwn(containers, member) ? containers[member] : undefined;
    if (inside === undefined) {
      if (!members.has(member)) note(`${path}.${member}`);
    } else if (isJsonObject(value)) checkContainer(value, `${path}${inside}`, members, note);
  }
}

/** By position, or, of what there is only one, its members. */
function checkContainer(
  value: Readonly<Record<string, unknown>>,
  path: string,
  members: ReadonlySet<string>,
  note: Note,
): void {
  for (const [at, inner] of Object.entries(value)) {
    if (/^\d+$/.test(at)) checkMembers(inner, `${path}[${at}]`, members, note);
    else if (!members.has(at)) note(`${path}.${at}`);
  }
}
