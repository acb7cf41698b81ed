import type { MessageInitShape } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import type {
  CountTokensResponse,
  EmbedResponse,
  GenerateResponse,
  ListModelsResponse,
} from "@penstock/api";
import {
  CountTokensRequestSchema,
  EmbedRequestSchema,
  GenerateRequestSchema,
  InferenceService,
  ListModelsRequestSchema,
  StreamGenerateRequestSchema,
} from "@penstock/api";
import type { CallOptions } from "./call.ts";
import type { PenstockClientOptions } from "./channel.ts";
import { FollowedChannel } from "./followed-channel.ts";
import type { GenerateStream } from "./generate-stream.ts";
import { openGenerateStream } from "./generate-stream.ts";
import type { Answer } from "./unary-call.ts";
import { callUnary } from "./unary-call.ts";

export type { Answer, CallOptions };

/** A request as plain object; fields are those of `penstock.inference.v1.GenerateRequest`. */
export type GenerateRequestInit = MessageInitShape<typeof GenerateRequestSchema>;

/** A request for vectors; fields are those of `penstock.inference.v1.EmbedRequest`. */
export type EmbedRequestInit = MessageInitShape<typeof EmbedRequestSchema>;

/** Which models to list. */
export type ListModelsRequestInit = MessageInitShape<typeof ListModelsRequestSchema>;

/** A client of one gateway. It holds connections and is to be kept and shared. */
export interface PenstockClient {
  /** The whole answer. Rejects with a PenstockError. */
  generate(request: GenerateRequestInit, options?: CallOptions): Promise<Answer<GenerateResponse>>;
  /** The answer while it is written. */
  streamGenerate(request: GenerateRequestInit, options?: CallOptions): GenerateStream;
  /** Vectors for texts. Rejects with a PenstockError. */
  embed(request: EmbedRequestInit, options?: CallOptions): Promise<Answer<EmbedResponse>>;
  /**
   * The tokens of a request's input: counted by the provider or estimated, see `source`. Rejects
   * with a PenstockError.
   */
  countTokens(
    request: GenerateRequestInit,
    options?: CallOptions,
  ): Promise<Answer<CountTokensResponse>>;
  /** One page of the models that the key may ask for. Rejects with a PenstockError. */
  listModels(
    request?: ListModelsRequestInit,
    options?: CallOptions,
  ): Promise<Answer<ListModelsResponse>>;
  /** Closes the connections; calls on them are finished first, those that wait for one fail. */
  close(): void;
}

/** 15 minutes: what the gateway itself gives a request at most. */
const defaultTimeoutMs = 900_000;

/**
 * Makes a client. Throws a TypeError for a malformed address or key, or for certificate files that
 * can't be used; nothing is connected yet.
 */
export function createPenstockClient(options: PenstockClientOptions): PenstockClient {
  // An absent one would be sent as "undefined".
  if (typeof options.virtualKey !== "string" || !/^[\x21-\x7e]+$/.test(options.virtualKey)) {
    throw new TypeError("The virtual key is empty or holds characters that no key has.");
  }
  const channel = new FollowedChannel(options);
  const defaults = {
    virtualKey: options.virtualKey,
    timeoutMs: options.timeoutMs ?? defaultTimeoutMs,
  };
  return {
    generate: (request, callOptions = {}) =>
      callUnary(channel, InferenceService.method.generate, create(GenerateRequestSchema, request), {
        defaults,
        options: callOptions,
      }),
    streamGenerate: (request, callOptions = {}) => {
      const wrapped = create(StreamGenerateRequestSchema, {
        request: create(GenerateRequestSchema, request),
      });
      return openGenerateStream(channel, wrapped, defaults, callOptions);
    },
    embed: (request, callOptions = {}) =>
      callUnary(channel, InferenceService.method.embed, create(EmbedRequestSchema, request), {
        defaults,
        options: callOptions,
      }),
    countTokens: (request, callOptions = {}) => {
      const wrapped = create(CountTokensRequestSchema, {
        request: create(GenerateRequestSchema, request),
      });
      const { countTokens } = InferenceService.method;
      return callUnary(channel, countTokens, wrapped, { defaults, options: callOptions });
    },
    listModels: (request = {}, callOptions = {}) =>
      callUnary(
        channel,
        InferenceService.method.listModels,
        create(ListModelsRequestSchema, request),
        { defaults, options: callOptions },
      ),
    close: () => channel.close(),
  };
}
