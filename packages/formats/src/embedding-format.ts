import type { Embedding, EmbedRequest, TokenUsage, VectorEncoding } from "@penstock/api";
import type { AnswerEnd, AnswerIdentity, RelayedAnswer } from "./format.ts";
import type { WishDialect } from "./wishes/wishes.ts";
import type { HeaderGetter, UpstreamFailure } from "./upstream-failure.ts";

/** Names of the wire formats for vectors; also the key of a request's `format_parameters`. */
export type EmbeddingFormatName = "openai-embeddings";

/** A request for vectors as a caller of a compatible API sent it. */
export interface CallerEmbedRequest {
  /** The canonical request. */
  request: EmbedRequest;
  /** Where the caller wrote what it wishes of routing; undefined: it did not. */
  wishDialect: WishDialect | undefined;
  /** Whether the answer is to tell how it came about, in its member `penstock`. */
  report: boolean;
}

/** Vectors for all inputs of a request. */
export interface VectorAnswer {
  /** One for each input, in their order, all of the same length. */
  embeddings: Embedding[];
  /** What is known when it is complete; it has no candidates. */
  end: AnswerEnd;
}

/** In what a target of vectors differs from the documented format. */
export interface EmbeddingQuirks {
  /** Whether the target writes vectors as base64 when asked, which is short and exact. */
  sendsBase64: boolean;
  /** Whether the target knows the field `user`. */
  knowsUser: boolean;
}

/** What the writer of a request for vectors must know about its target. */
export interface EmbeddingTarget {
  /** The upstream's name of the model. */
  model: string;
  /** In what the target differs. */
  quirks: EmbeddingQuirks;
}

/** What an answer must have to be the one that was asked for. */
export interface ExpectedVectors {
  /** Number of inputs. */
  count: number;
  /** Length of each vector; undefined: nothing said it. */
  dimensions: number | undefined;
}

/** One wire format of requests for vectors, both directions. Pure: no clock, no input or output. */
export interface EmbeddingFormat {
  /** Name of the format. */
  name: EmbeddingFormatName;
  /** Reads a caller's body. Throws FIELD_INVALID or UNSUPPORTED_FIELD with all field paths. */
  readRequest(body: Uint8Array): CallerEmbedRequest;
  /** Writes the body for a target. */
  writeRequest(request: EmbedRequest, target: EmbeddingTarget): string;
  /**
   * Looks over a target's answer as `Format.relayResponse` does, for a caller who asked for this
   * encoding. Undefined when it must be read and written anew, or is not what was asked for.
   */
  relayResponse(
    text: string,
    body: Uint8Array,
    expected: ExpectedVectors,
    encoding: VectorEncoding,
  ): RelayedAnswer | undefined;
  /**
   * Reads a target's answer. Throws UPSTREAM_MALFORMED where it is not what was asked for: vectors
   * that are missing, of another length, or not made of numbers. Throws the error found in a 200.
   */
  readResponse(body: Uint8Array, expected: ExpectedVectors): VectorAnswer;
  /** Writes the vectors for the caller, in the encoding that it asked for. */
  writeResponse(
    answer: VectorAnswer,
    identity: Pick<AnswerIdentity, "model">,
    encoding: VectorEncoding,
    usage: TokenUsage,
  ): string;
  /** Classifies a target's error answer; see `Format.readError`. */
  readError(
    status: number,
    header: HeaderGetter,
    body: Uint8Array,
    nowMs?: number,
  ): UpstreamFailure;
}
