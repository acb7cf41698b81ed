import type { PenstockClientOptions } from "../channel.ts";
import type { PenstockClient } from "../penstock-client.ts";
import { createPenstockClient } from "../penstock-client.ts";
import * as errors from "./api-error.ts";
import { bringBase64 } from "./bring-base64.ts";
import type { ChatCompletionStream } from "./chat-stream.ts";
import { complete, embed, listModels } from "./openai-calls.ts";
import type { ModelList } from "./openai-calls.ts";
import type { ChatCompletion, CreateEmbeddingResponse } from "./openai-answers.ts";
import type { ChatCompletionParams, EmbeddingParams, RequestOptions } from "./openai-params.ts";

/** How to reach the gateway, in the words of the official client or in Penstock's. */
export interface OpenAIOptions extends Omit<
  PenstockClientOptions,
  "address" | "virtualKey" | "timeoutMs"
> {
  /** The virtual key, `psk_…`. */
  readonly apiKey: string;
  /**
   * `http://host:port` or, with TLS, `https://host:port` of the gateway's gRPC port; a path `/v1` is
   * allowed and means nothing. Or see `address`.
   */
  readonly baseURL?: string;
  /** As of `createPenstockClient`, instead of `baseURL`. */
  readonly address?: PenstockClientOptions["address"];
  /** Deadline of calls that name none, in milliseconds; 900,000 when absent. */
  readonly timeout?: number;
}

/** Asks for whole answers and for streamed ones. Rejects with an APIError. */
export interface CreateChatCompletion {
  (
    params: ChatCompletionParams & { readonly stream: true },
    options?: RequestOptions,
  ): Promise<ChatCompletionStream>;
  (
    params: ChatCompletionParams & { readonly stream?: false | null | undefined },
    options?: RequestOptions,
  ): Promise<ChatCompletion>;
  (
    params: ChatCompletionParams & { readonly stream?: boolean | null | undefined },
    options?: RequestOptions,
  ): Promise<ChatCompletion | ChatCompletionStream>;
}

/**
 * The part of the official client's interface that Penstock serves, over gRPC. Requests and answers
 * are read and written by the code of the gateway's HTTP door, so that they are the same. It does
 * not repeat calls: the gateway has asked other providers already.
 */
export class OpenAI {
  static readonly APIError = errors.APIError;
  static readonly APIUserAbortError = errors.APIUserAbortError;
  static readonly APIConnectionError = errors.APIConnectionError;
  static readonly APIConnectionTimeoutError = errors.APIConnectionTimeoutError;
  static readonly BadRequestError = errors.BadRequestError;
  static readonly AuthenticationError = errors.AuthenticationError;
  static readonly PermissionDeniedError = errors.PermissionDeniedError;
  static readonly NotFoundError = errors.NotFoundError;
  static readonly ConflictError = errors.ConflictError;
  static readonly UnprocessableEntityError = errors.UnprocessableEntityError;
  static readonly RateLimitError = errors.RateLimitError;
  static readonly InternalServerError = errors.InternalServerError;

  readonly #client: PenstockClient;
  readonly chat: { readonly completions: { readonly create: CreateChatCompletion } };
  readonly embeddings: {
    /** Vectors for texts. Rejects with an APIError. */
    create(params: EmbeddingParams, options?: RequestOptions): Promise<CreateEmbeddingResponse>;
  };
  readonly models: {
    /** The models that the key may ask for. Rejects with an APIError. */
    list(options?: RequestOptions): Promise<ModelList>;
  };

  /** Throws a TypeError for a malformed address or key; nothing is connected yet. */
  constructor(options: OpenAIOptions) {
    bringBase64();
    this.#client = createPenstockClient(clientOptions(options));
    const create = (params: ChatCompletionParams, asked: RequestOptions = {}) =>
      complete(this.#client, params, asked);
    this.chat = { completions: { create: create as CreateChatCompletion } };
    this.embeddings = { create: (params, asked = {}) => embed(this.#client, params, asked) };
    this.models = { list: (asked = {}) => listModels(this.#client, asked) };
  }

  /** Closes the connections; calls on them are finished first, those that wait for one fail. */
  close(): void {
    this.#client.close();
  }
}

function clientOptions(options: OpenAIOptions): PenstockClientOptions {
  const { apiKey, baseURL, address, timeout, ...rest } = options;
  const target = baseURL === undefined ? { address: address ?? "" } : addressOf(baseURL);
  const timeoutMs = timeout === undefined ? {} : { timeoutMs: timeout };
  return { ...target, ...rest, ...timeoutMs, virtualKey: apiKey };
}

function addressOf(baseURL: string): { address: string; tls?: true } {
  const { protocol, hostname, port, pathname } = new URL(baseURL);
  const isSecure = protocol === "https:";
  if ((!isSecure && protocol !== "http:") || !/^\/(?:v1\/?)?$/.test(pathname)) {
    throw new TypeError(`${JSON.stringify(baseURL)} is not of the form http://host:port.`);
  }
  const address = `${hostname}:${port === "" ? (isSecure ? "443" : "80") : port}`;
  return isSecure ? { address, tls: true } : { address };
}
