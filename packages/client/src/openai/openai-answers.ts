/** How many tokens an answer took. */
export interface CompletionUsage {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  prompt_tokens_details?: { cached_tokens?: number; audio_tokens?: number };
  completion_tokens_details?: { reasoning_tokens?: number; audio_tokens?: number };
}

/** A function that the model wants called; `arguments` is JSON text as the model wrote it. */
export interface ChatToolCall {
  id: string;
  type: "function";
  function: { name: string; arguments: string };
}

/** Why an answer ended. */
export type ChatFinishReason =
  | "stop"
  | "length"
  | "tool_calls"
  | "content_filter"
  | "function_call";

/** How probable a token was. */
export interface ChatTokenLogprob {
  token: string;
  bytes: number[] | null;
  logprob: number;
  top_logprobs: { token: string; bytes: number[] | null; logprob: number }[];
}

/** How probable the tokens of text and refusal were. */
export interface ChatLogprobs {
  content: ChatTokenLogprob[] | null;
  refusal: ChatTokenLogprob[] | null;
}

/** A place on the web that an answer names. */
export interface ChatAnnotation {
  type: "url_citation";
  url_citation: { start_index: number; end_index: number; title: string; url: string };
}

/** What the model says. */
export interface ChatMessage {
  role: "assistant";
  content: string | null;
  refusal: string | null;
  /** Its thoughts, where the model shows them. */
  reasoning_content?: string;
  annotations?: ChatAnnotation[];
  tool_calls?: ChatToolCall[];
}

/** A whole answer. */
export interface ChatCompletion {
  id: string;
  object: "chat.completion";
  /** Unit: seconds since 1970. */
  created: number;
  model: string;
  choices: {
    index: number;
    message: ChatMessage;
    logprobs: ChatLogprobs | null;
    finish_reason: ChatFinishReason;
  }[];
  usage?: CompletionUsage;
  /** The id under which the gateway logs the request; not enumerable. */
  _request_id?: string | null;
}

/** What a chunk adds to an answer. */
export interface ChatDelta {
  role?: "assistant";
  content?: string | null;
  refusal?: string | null;
  reasoning_content?: string;
  annotations?: ChatAnnotation[];
  tool_calls?: {
    index: number;
    id?: string;
    type?: "function";
    function?: { name?: string; arguments?: string };
  }[];
}

/** A piece of an answer while it is written. */
export interface ChatCompletionChunk {
  id: string;
  object: "chat.completion.chunk";
  /** Unit: seconds since 1970. */
  created: number;
  model: string;
  choices: {
    index: number;
    delta: ChatDelta;
    logprobs?: ChatLogprobs | null;
    finish_reason: ChatFinishReason | null;
  }[];
  /** In the last chunk, where `stream_options.include_usage` asked for it; null in the others. */
  usage?: CompletionUsage | null;
}

/** Vectors, one for each input and in their order; base64 text where that was asked for. */
export interface CreateEmbeddingResponse {
  object: "list";
  data: { object: "embedding"; index: number; embedding: number[] }[];
  model: string;
  usage: { prompt_tokens: number; total_tokens: number };
}

/** A model that the key may ask for. */
export interface ModelEntry {
  id: string;
  object: "model";
  created: number;
  owned_by: string;
}
