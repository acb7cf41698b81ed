import type {
  CountingFormatName,
  EmbeddingFormatName,
  EmbeddingQuirks,
  FailureRule,
  FormatName,
  FormatQuirks,
} from "@penstock/formats";

/** Kinds of providers that Penstock knows; the registry has one entry for each. */
export type ProviderKind =
  | "aws-bedrock"
  | "azure-openai"
  | "anthropic"
  | "google-gemini"
  | "google-vertex"
  | "openai"
  | "openai-compatible"
  | "groq"
  | "mistral"
  | "deepseek"
  | "together"
  | "fireworks"
  | "xai"
  | "openrouter"
  | "ollama"
  | "vllm"
  | "sglang"
  | "llama-cpp";

/** What a provider can be asked to do. */
export type ProviderOperation = "generate" | "embed";

/** Where and in which format the tokens of an input are counted. */
export interface CountingAddress {
  readonly format: CountingFormatName;
  /** Path behind the base URL, as that of any operation. */
  readonly path: string;
}

/** Where and in which format an operation is asked for. */
export interface OperationAddress {
  /** Wire format of request, answer and stream. */
  readonly format: FormatName;
  /**
   * Path behind the base URL; begins with a slash. `{model}` stands for the upstream model,
   * `{api_version}` for the version of the API.
   */
  readonly path: string;
  /** The same for a streamed answer, where that is another. */
  readonly streamPath?: string;
  /** Paths for base URLs whose own path ends in a certain way; the first that fits is meant. */
  readonly pathsBehind?: readonly { readonly end: string; readonly path: string }[];
  /** In what the format can do less, or more, than the kind in general. */
  readonly capabilities?: Partial<Capabilities>;
  /** Where the tokens of its requests are counted without an answer. Absent: nowhere. */
  readonly count?: CountingAddress;
}

/** The ways in which an operation can be asked for; the first is meant where none is chosen. */
export type OperationAddresses = readonly [OperationAddress, ...OperationAddress[]];

/** Where and in which format vectors are asked for. */
export interface EmbeddingAddress {
  readonly format: EmbeddingFormatName;
  /** Path behind the base URL, as that of any operation. */
  readonly path: string;
  readonly pathsBehind?: readonly { readonly end: string; readonly path: string }[];
  readonly quirks: Readonly<EmbeddingQuirks>;
}

/** Where operations are asked for; what is absent can't be asked. */
export interface ProviderOperations {
  readonly generate: OperationAddresses;
  readonly embed?: EmbeddingAddress;
}

/** How a credential is sent, and whether a request without one makes no sense. */
export type AuthScheme = { readonly required: boolean } & (
  | {
      /** The header `authorization` with the value `Bearer <credential>`. */
      readonly scheme: "bearer";
    }
  | {
      /** A header of its own, with the credential as it is. */
      readonly scheme: "header";
      /** In lower case. */
      readonly name: string;
    }
  | {
      /** Keys of AWS sign each call (Signature Version 4); anything else is sent like `bearer`. */
      readonly scheme: "aws";
      /** Name of the service in signatures. */
      readonly service: string;
    }
);

/** What a deployment can do unless its configuration says otherwise. */
export interface Capabilities {
  readonly streaming: boolean;
  readonly tools: boolean;
  /** Absent here and below: not known, and taken as yes. */
  readonly images?: boolean;
  readonly audioInput?: boolean;
  readonly files?: boolean;
  readonly jsonSchema?: boolean;
  readonly multipleCandidates?: boolean;
  readonly reasoning?: boolean;
  readonly logprobs?: boolean;
  readonly seed?: boolean;
  readonly stopSequences?: boolean;
  readonly topK?: boolean;
  readonly penalties?: boolean;
  /** Whether it goes on with an answer whose beginning is the last message. */
  readonly prefill?: boolean;
  /** How long a prompt cache lives after its last use; 0: there is none. Absent: 5 minutes. */
  readonly promptCacheLifetimeMs?: number;
}

/** How it is known that the data are right. */
export interface Verification {
  /** Against a stand-in, by files written from public documentation, or against the vendor. */
  readonly how: "simulated" | "fixture from documentation" | "live";
  /** Pages that the data and fixtures were written from. */
  readonly sources: readonly string[];
}

/** Where a vendor tells of one limit: names of headers, lower case. */
export interface LimitHeaders {
  /** Amount per window. */
  readonly limit: string;
  /** What is left. */
  readonly remaining: string;
  /**
   * Time until it is full again: seconds, a duration such as `6m0s`, or the time of day as RFC 3339
   * has it, which counts from the answer's `date`. Absent: not told.
   */
  readonly reset?: string;
}

/** Where a vendor tells of its limits. */
export interface RateLimitHeaders {
  readonly requests?: LimitHeaders;
  readonly tokens?: LimitHeaders;
}

/** What is particular to a vendor beyond its format, as data. */
export interface Provider {
  readonly kind: ProviderKind;
  /** Name for people. */
  readonly displayName: string;
  /** Value of the trace attribute `gen_ai.provider.name`. */
  readonly telemetryName: string;
  /** Base URL used when the configuration names none; undefined: it must name one. */
  readonly defaultBaseUrl: string | undefined;
  /** What a base URL of this kind is like, where it must be named; told to whoever leaves it out. */
  readonly exampleBaseUrl?: string;
  readonly operations: ProviderOperations;
  readonly auth: AuthScheme;
  /**
   * Schemes of credential references by which a cloud's identity may stand for a key, such as
   * `aws-default`. Absent: none.
   */
  readonly identities?: readonly string[];
  /** Version of the API where the configuration names none; undefined: its paths have none. */
  readonly defaultApiVersion?: string;
  /** Further headers of every request; names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly quirks: Readonly<FormatQuirks>;
  readonly capabilities: Capabilities;
  /** What its errors mean where that is not what the format's own table says; asked first. */
  readonly failureRules?: readonly FailureRule[];
  /** Where it tells of its limits. Absent: nowhere. */
  readonly rateLimits?: RateLimitHeaders;
  /** The kind that this one is, but for what more is known of it. Absent: it is one of its own. */
  readonly presetOf?: "openai-compatible";
  readonly verification: Verification;
  /** What bears on cost and is not said by the format, for the admin who writes prices. */
  readonly priceNotes: readonly string[];
}

/** What else than the model becomes part of an operation's path. */
export interface PathPlace {
  /** Path of the base URL. */
  readonly basePath: string;
  /** Version of the API; empty: its paths have none. */
  readonly apiVersion: string;
}

/**
 * Path of an operation behind the base URL. Names of models may hold slashes and colons, which
 * would end up as parts of the path.
 */
export function operationPath(
  {
    path,
    streamPath = path,
    pathsBehind = [],
  }: Pick<OperationAddress, "path" | "streamPath" | "pathsBehind">,
  model: string,
  stream: boolean,
  { basePath, apiVersion }: PathPlace = { basePath: "", apiVersion: "" },
): string {
  const behind = pathsBehind.find(({ end }) => basePath.endsWith(end))?.path;
  return (behind ?? (stream ? streamPath : path))
    .replaceAll("{model}", () => encodeURIComponent(model))
    .replaceAll("{api_version}", () => encodeURIComponent(apiVersion));
}

/**
 * The headers that carry a credential; none when there is no credential and none is needed. What a
 * cloud's identity gives is a bearer token, whatever keys are.
 */
export function credentialHeaders(
  provider: Provider,
  credential: string | undefined,
  isToken = false,
): readonly (readonly [name: string, value: string])[] {
  if (credential === undefined || credential === "") return [];
  const { auth } = provider;
  if (auth.scheme === "header" && !isToken) return [[auth.name, credential]];
  return [["authorization", `Bearer ${credential}`]];
}
