import { isJsonObject } from "../read-json.ts";

type Fields = Readonly<Record<string, unknown>>;

/**
 * What an answer of the API repeats of its request, with the default of each. The types of the
 * official client state those of `truncation` and `store`; those of `temperature`, `top_p` and
 * `verbosity` were held against nothing.
 */
const defaults: Fields = {
  instructions: null,
  max_output_tokens: null,
  max_tool_calls: null,
  metadata: {},
  parallel_tool_calls: true,
  prompt: null,
  prompt_cache_key: null,
  prompt_cache_retention: null,
  reasoning: { effort: null, summary: null },
  safety_identifier: null,
  // The API's own default is true; here nothing is stored unless the caller says so.
  store: false,
  temperature: 1,
  text: { format: { type: "text" }, verbosity: "medium" },
  tool_choice: "auto",
  tools: [],
  top_logprobs: 0,
  top_p: 1,
  truncation: "disabled",
  user: null,
};

/** What of a request its answer repeats; null is not said. Checked by who reads the request. */
function saidIn(fields: Fields): Fields {
  const said: Record<string, unknown> = {};
  for (const name in fields) {
    const value = fields[name];
    if (value !== null && Object.hasOwn(defaults, name)) said[name] = value;
  }
  return said;
}

/** The fields of an answer that repeat its request, of which these are the fields. */
export function repeatSaid(request: Fields = {}): Fields {
  const said = saidIn(request);
  return {
    ...defaults,
    ...said,
    reasoning: over("reasoning", said),
    text: over("text", said),
    tools: Array.isArray(said["tools"]) ? said["tools"].map(repeatTool) : [],
  };
}

/** Members that the request gave, over the defaults of the others. */
function over(name: string, said: Fields): unknown {
  const [given, byDefault] = [said[name], defaults[name]];
  return isJsonObject(given) && isJsonObject(byDefault) ? { ...byDefault, ...given } : byDefault;
}

/** Members that the answer's function tools always have, and a request may leave out. */
function repeatTool(tool: unknown): unknown {
  if (!isJsonObject(tool) || tool["type"] !== "function") return tool;
  return { description: null, parameters: null, strict: null, ...tool };
}
