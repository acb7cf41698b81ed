import type { GenerateRequest } from "@penstock/api";
import type { FormatName, JsonObject } from "./format.ts";

/** The APIs of OpenAI, whose writers take some of each other's parameters. */
const openaiFormats: ReadonlySet<string> = new Set(["openai-chat", "openai-responses"]);
/** Parameters that both of them have. */
const openaiParameters: ReadonlySet<string> = new Set([
  "prompt_cache_key",
  "prompt_cache_retention",
  "safety_identifier",
  "store",
  "text",
  "verbosity",
]);
/** What changes no answer, and members of messages and tools by their position. */
const immaterial: ReadonlySet<string> = new Set([
  "contents",
  "input",
  "messages",
  "metadata",
  "modalities",
  "prompt_cache_key",
  "prompt_cache_retention",
  "safety_identifier",
  "store",
  "stream_options",
  "system",
  "tools",
  "top_logprobs",
  "truncation",
  "user_location",
]);

/**
 * Tells `warn` of the parameters in the words of other formats that a target of `format` is not
 * sent, because only those formats know them. What has a place in the canonical request is told by
 * the writer of the format.
 */
export function warnOfForeignParameters(
  request: GenerateRequest,
  format: FormatName,
  warn: (warning: string) => void,
): void {
  const { formatParameters } = request;
  for (const other of Object.keys(formatParameters)) {
    // As a rule all there is, where the caller's body goes on as it came.
    if (other === format) continue;
    const parameters = formatParameters[other] ?? {};
    for (const name of Object.keys(parameters)) {
      if (isLost(name, parameters, { from: other, to: format })) {
        warn(`parameter_dropped: ${name}, which only ${other} knows`);
      }
    }
  }
}

function isLost(
  name: string,
  parameters: JsonObject,
  { from, to }: { readonly from: string; readonly to: string },
): boolean {
  if (immaterial.has(name)) return false;
  const areKin = openaiFormats.has(from) && openaiFormats.has(to);
  if (areKin && openaiParameters.has(name)) return false;
  const value = parameters[name];
  // Opaque reasoning comes with every answer that has it.
  if (name === "include" && Array.isArray(value)) {
    return value.some((one) => one !== "reasoning.encrypted_content");
  }
  return true;
}
