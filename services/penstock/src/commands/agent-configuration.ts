/** Coding agents that can be pointed at a router. */
export const codingAgents = ["claude-code", "codex", "opencode"] as const;

/** One of them. */
export type CodingAgent = (typeof codingAgents)[number];

/** What a configuration is made of. */
export interface AgentWishes {
  /** HTTP door of a router, without a path. */
  readonly url: string;
  /** Variable that holds the virtual key; the key itself is never printed. */
  readonly keyVariable: string;
  /** Model to ask for; absent: the agent's own choice, or a placeholder where it needs one. */
  readonly model: string | undefined;
  /** Model for small tasks, where the agent has such. */
  readonly smallModel: string | undefined;
}

/** What makes an agent ask Penstock. */
export interface AgentConfiguration {
  readonly agent: CodingAgent;
  /** Where the text goes: a file, or the environment that the agent starts in. */
  readonly place: string;
  /** To be copied. */
  readonly text: string;
  /** Variables that the agent reads; `$NAME` stands for the value of another one. */
  readonly environment: Readonly<Record<string, string>>;
  /** Settings of the agent's own file, by their dotted names. */
  readonly settings: Readonly<Record<string, string>>;
}

/** Stands where an agent needs a model and none was named. */
const modelToName = "MODEL";

/** Makes the configuration of an agent. */
export function agentConfiguration(agent: CodingAgent, wishes: AgentWishes): AgentConfiguration {
  switch (agent) {
    case "claude-code":
      return forClaudeCode(wishes);
    case "codex":
      return forCodex(wishes);
    case "opencode":
      return forOpencode(wishes);
  }
}

/** The variables are those of code.claude.com/docs/en/llm-gateway; tried with Claude Code 2.1.330. */
function forClaudeCode({ url, keyVariable, model, smallModel }: AgentWishes): AgentConfiguration {
  const environment = {
    ANTHROPIC_BASE_URL: url,
    ANTHROPIC_AUTH_TOKEN: `$${keyVariable}`,
    // One that is set elsewhere would be sent as well, and two keys that differ are refused.
    ANTHROPIC_API_KEY: "",
    ...claudeModels(model, smallModel),
    // The picker of models then lists those of the key that are called claude or anthropic.
    CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY: "1",
  };
  const lines = Object.entries(environment).map(
    ([name, value]) => `export ${name}=${quoteForShell(value)}\n`,
  );
  return {
    agent: "claude-code",
    place: "the shell that claude starts in",
    text: `# Claude Code through Penstock; ${keyVariable} holds a virtual key.\n${lines.join("")}`,
    environment,
    settings: {},
  };
}

/** What subagents and aliases such as `opus` stand for, which no route may know by its own name. */
function claudeModels(model: string | undefined, smallModel: string | undefined) {
  const small = smallModel ?? model;
  return {
    ...(model === undefined
      ? {}
      : {
          ANTHROPIC_MODEL: model,
          ANTHROPIC_DEFAULT_FABLE_MODEL: model,
          ANTHROPIC_DEFAULT_OPUS_MODEL: model,
          ANTHROPIC_DEFAULT_SONNET_MODEL: model,
        }),
    ...(small === undefined ? {} : { ANTHROPIC_DEFAULT_HAIKU_MODEL: small }),
  };
}

/** The settings are those of developers.openai.com/codex/config-reference; tried with Codex 0.169.0. */
function forCodex({ url, keyVariable, model }: AgentWishes): AgentConfiguration {
  const provider = {
    // Behind one that is called OpenAI Codex asks for more than the Responses API.
    name: "Penstock",
    base_url: `${url}/v1`,
    env_key: keyVariable,
    wire_api: "responses",
  };
  const top = { model: model ?? modelToName, model_provider: "penstock" };
  const nested = Object.entries(provider).map(
    ([name, value]) => [`model_providers.penstock.${name}`, value] as const,
  );
  return {
    agent: "codex",
    place: "~/.codex/config.toml",
    text:
      `# Codex through Penstock; ${keyVariable} holds a virtual key.\n` +
      `${tomlLines(top)}\n[model_providers.penstock]\n${tomlLines(provider)}`,
    environment: {},
    settings: { ...top, ...Object.fromEntries(nested) },
  };
}

/** The settings are those of opencode.ai/docs/providers; tried with opencode 1.18.33. */
function forOpencode({ url, keyVariable, model, smallModel }: AgentWishes): AgentConfiguration {
  const main = model ?? modelToName;
  const small = smallModel ?? main;
  const provider = {
    npm: "@ai-sdk/openai-compatible",
    name: "Penstock",
    options: { baseURL: `${url}/v1`, apiKey: `{env:${keyVariable}}` },
    // It asks for no list, and knows only those that stand here.
    models: Object.fromEntries([main, small].map((name) => [name, { name }])),
  };
  const settings = {
    $schema: "https://opencode.ai/config.json",
    model: `penstock/${main}`,
    small_model: `penstock/${small}`,
    provider: { penstock: provider },
  };
  return {
    agent: "opencode",
    place: "~/.config/opencode/opencode.json",
    text: `${JSON.stringify(settings, undefined, 2)}\n`,
    environment: {},
    settings: Object.fromEntries(dotted(settings)),
  };
}

/** The texts of an object, by their dotted names. */
function dotted(value: object, prefix = ""): [string, string][] {
  return Object.entries(value).flatMap(([name, member]): [string, string][] =>
    typeof member === "string"
      ? [[prefix + name, member]]
      : dotted(member as object, `${prefix}${name}.`),
  );
}

function tomlLines(values: Readonly<Record<string, string>>): string {
  // A basic string of TOML has the escapes of JSON.
  return Object.entries(values)
    .map(([name, value]) => `${name} = ${JSON.stringify(value)}\n`)
    .join("");
}

/** A value for a shell: a variable is expanded, anything else is taken as it is. */
function quoteForShell(value: string): string {
  if (/^\$[A-Za-z_][A-Za-z0-9_]*$/.test(value)) return `"${value}"`;
  return /^[\w.:/@-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
}
