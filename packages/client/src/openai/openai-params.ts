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

/**
 * A request for an answer, as the Chat Completions API has it; its reference says what each field
 * means. A field that is not listed is sent all the same.
 */
export interface ChatCompletionParams {
  readonly model: string;
  readonly messages: readonly ChatMessageParam[];
  readonly audio?: object | null | undefined;
  readonly frequency_penalty?: number | null | undefined;
  readonly logit_bias?: object | null | undefined;
  readonly logprobs?: boolean | null | undefined;
  readonly max_completion_tokens?: number | null | undefined;
  readonly max_tokens?: number | null | undefined;
  readonly metadata?: object | null | undefined;
  readonly modalities?: readonly string[] | null | undefined;
  readonly n?: number | null | undefined;
  readonly parallel_tool_calls?: boolean | null | undefined;
  readonly prediction?: object | null | undefined;
  readonly presence_penalty?: number | null | undefined;
  readonly prompt_cache_key?: string | null | undefined;
  readonly reasoning_effort?: string | null | undefined;
  readonly response_format?: object | null | undefined;
  readonly safety_identifier?: string | null | undefined;
  readonly seed?: number | null | undefined;
  readonly service_tier?: string | null | undefined;
  readonly stop?: string | readonly string[] | null | undefined;
  readonly store?: boolean | null | undefined;
  readonly stream_options?: object | null | undefined;
  readonly temperature?: number | null | undefined;
  readonly tool_choice?: string | object | null | undefined;
  readonly tools?: readonly object[] | null | undefined;
  readonly top_logprobs?: number | null | undefined;
  readonly top_p?: number | null | undefined;
  readonly user?: string | null | undefined;
  readonly verbosity?: string | null | undefined;
  readonly web_search_options?: object | null | undefined;
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
