/** Fields that may be left out, or be null as in the official package. */
type Given<Fields> = { readonly [Name in keyof Fields]?: Fields[Name] | null | undefined };

/** A message of a request; one of the official package fits. */
export interface ChatMessageParam {
  readonly role: "system" | "developer" | "user" | "assistant" | "tool" | "function";
  readonly content?: string | readonly ChatContentPartParam[] | null | undefined;
  readonly name?: string | undefined;
  readonly refusal?: string | null | undefined;
  readonly tool_calls?: readonly object[] | undefined;
  readonly tool_call_id?: string | undefined;
  readonly function_call?: object | null | undefined;
  readonly audio?: object | null | undefined;
  /** Thoughts of an earlier turn, for models that take them back. */
  readonly reasoning_content?: string | null | undefined;
}

/** A part of a message: text, image, audio, file or refusal. */
export interface ChatContentPartParam {
  readonly type: "text" | "image_url" | "input_audio" | "file" | "refusal";
  readonly text?: string;
  readonly refusal?: string;
  readonly image_url?: { readonly url: string; readonly detail?: string };
  readonly input_audio?: { readonly data: string; readonly format: string };
  readonly file?: object;
}

interface ChatCompletionFields {
  audio: object;
  frequency_penalty: number;
  logit_bias: object;
  logprobs: boolean;
  max_completion_tokens: number;
  max_tokens: number;
  metadata: object;
  modalities: readonly string[];
  n: number;
  parallel_tool_calls: boolean;
  prediction: object;
  presence_penalty: number;
  prompt_cache_key: string;
  reasoning_effort: string;
  response_format: object;
  safety_identifier: string;
  seed: number;
  service_tier: string;
  stop: string | readonly string[];
  store: boolean;
  stream_options: object;
  temperature: number;
  tool_choice: string | object;
  tools: readonly object[];
  top_logprobs: number;
  top_p: number;
  user: string;
  verbosity: string;
  web_search_options: object;
}

/**
 * A request for an answer, as the Chat Completions API has it; its reference says what each field
 * means. A field that is not listed is sent all the same.
 */
export interface ChatCompletionParams extends Given<ChatCompletionFields> {
  readonly model: string;
  readonly messages: readonly ChatMessageParam[];
  /** What Penstock alone knows: `routing`, `labels`, `idempotency_key`, `session`. */
  readonly penstock?: object | null | undefined;
}

/** A request for vectors, as the Embeddings API has it. */
export interface EmbeddingParams {
  readonly model: string;
  readonly input: string | readonly string[] | readonly number[] | readonly (readonly number[])[];
  readonly dimensions?: number | undefined;
  readonly encoding_format?: "float" | "base64" | undefined;
  readonly user?: string | undefined;
  /** What Penstock alone knows: `routing`, `labels`, `idempotency_key`, `session`. */
  readonly penstock?: object | undefined;
}

/** What a single call may say. */
export interface RequestOptions {
  /** Aborting it cancels the call, up to the provider. */
  readonly signal?: AbortSignal | null | undefined;
  /** Deadline in milliseconds, instead of the client's. */
  readonly timeout?: number | undefined;
  /** Further metadata, by name. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}
