import type {
  CandidateFinish,
  ContentPart,
  Finished,
  GenerateRequest,
  StreamGenerateResponse,
  TokenUsage,
} from "@penstock/api";
import type { GatewayError } from "@penstock/errors";
import type { CallForms } from "./call-forms.ts";
import type { WishDialect } from "./wishes/wishes.ts";
import type { HeaderGetter, UpstreamFailure } from "./upstream-failure.ts";

/** A JSON object as protobuf-es represents `google.protobuf.Struct`. */
export type JsonObject = NonNullable<Finished["rawUsage"]>;

/** Names of the wire formats; also the key of a request's `format_parameters`. */
export type FormatName =
  | "bedrock-converse"
  | "anthropic-messages"
  | "google-generate-content"
  | "openai-chat"
  | "openai-responses";

/** One event of the canonical stream. */
export type StreamEvent = Exclude<StreamGenerateResponse["event"], { case: undefined }>;

/** Where a stream reader pushes what it has read. */
export interface StreamSink {
  /** One block event. */
  event(event: StreamEvent): void;
  /**
   * Text of the stream as it came, where it is passed on to a caller of the same format; the events
   * that it tells of were pushed before, and are not written.
   */
  relay?(text: string): void;
  /** End of one read of the upstream: the sink makes exactly one write downstream. */
  flush(): void;
  /** The answer is complete. Called once, and nothing follows. */
  finish(end: AnswerEnd): void;
  /**
   * The answer broke. Called once, and nothing follows; `metadata.failure_class` is set. `usage` is
   * what the provider says it used for what it gave.
   */
  fail(error: GatewayError, usage?: TokenUsage): void;
}

/**
 * Turns the bytes of a streamed answer into events. Never throws; ignores everything after
 * `finish` or `fail` of its sink. Emits blockStarted, blockDelta and blockEnded only: `started`
 * and `finished` need facts that only the router has.
 */
export interface StreamReader {
  /** The provider's id of the answer; empty until told, known at the first event at the latest. */
  readonly responseId: string;
  /** The model that answers, in the provider's words; empty until told. */
  readonly model: string;
  /**
   * True once the stream has proven that the answer is complete although more may come, such as its
   * usage: then `end` makes it a good answer, whatever became of the rest. Absent: never so.
   */
  readonly proven?: boolean;
  /**
   * What the provider has told of the usage so far, for an answer that breaks off; undefined: nothing
   * yet. Absent: its format tells of it only at the end.
   */
  readonly usageSoFar?: TokenUsage | undefined;
  /**
   * The tier by which the provider has said so far that it serves, in its words, for an answer that
   * breaks off; undefined or empty: it has not. Absent: its format tells of it only at the end.
   */
  readonly tierSoFar?: string | undefined;
  /** The bytes of one read. The reader does not keep the array. */
  push(bytes: Uint8Array): void;
  /** The upstream closed the stream in the regular way. */
  end(): void;
  /** The upstream is gone or was given up; the error goes to the sink as it is. */
  abort(error: GatewayError): void;
}

/** Bounds of a stream reader. */
export interface StreamLimits {
  /** Largest line. Unit: bytes. Default 1 MiB (security.md R5). */
  maxLineBytes?: number;
  /** Largest sum of tool call arguments of one answer. Unit: characters. Default 16 Mi. */
  maxArgumentsLength?: number;
  /** Most blocks of one answer. Default 4,096. */
  maxBlocks?: number;
}

/**
 * How a stream is passed on to a caller of the same format: as it came, but for the model's name and
 * for what callers rely on and the target left out.
 */
export interface StreamRelay {
  /** The name that the caller asked for. */
  model: string;
  /** Whether the caller asked for usage in the stream. */
  includeUsage: boolean;
  /** Id of the request, for an answer without an id. */
  requestId: string;
  /** When the answer began, where it does not say so. Unit: seconds since 1970. */
  createdSeconds: number;
}

/** The end of a stream that is passed on as it came. */
export interface RelayedEnd {
  /** What is still to be sent; `usage` is for a caller who asked for it in vain. */
  write(usage: TokenUsage): string;
}

/** What is known when an answer is complete. */
export interface AnswerEnd {
  /** How each candidate ended, by candidate. */
  candidates: CandidateFinish[];
  /** Usage as the provider reported it; undefined when it said none, or nothing believable. */
  usage: TokenUsage | undefined;
  /** The provider's usage object, as it wrote it. */
  rawUsage: JsonObject | undefined;
  /** The provider's id of the answer; empty when it gave none. */
  responseId: string;
  /** Model that answered, in the provider's words; empty when it did not say. */
  model: string;
  /** What the caller should know, for example that a usage was not believable. */
  warnings: string[];
  /** How the answer came about, for a caller who asked; written as the member `penstock`. */
  report?: JsonObject;
  /** Tier by which the provider served the request, in its words; absent when it did not say. */
  serviceTier?: string;
  /**
   * Tier that the price of the answer depends on, in the provider's words, where its format tells it
   * otherwise than as the `serviceTier` of an answer: callers of other formats don't get it. Absent:
   * `serviceTier` is all that is known.
   */
  servedTier?: string;
  /** The end of the stream, where the stream is passed on as it came. */
  relayed?: RelayedEnd;
}

/** A whole answer. */
export interface Answer {
  /** The candidates, by their number. */
  candidates: { parts: ContentPart[]; finish: CandidateFinish }[];
  /** What is known when it is complete. */
  end: AnswerEnd;
}

/** A request in words that all formats have, as far as there are any. */
export interface PlainRequest {
  readonly request: GenerateRequest;
  /** How calls of its functions are written for the caller. Absent: as calls of functions. */
  readonly callForms?: CallForms;
}

/** Who answers, in the words the caller gets to see. */
export interface AnswerIdentity {
  /** Id of the request. */
  requestId: string;
  /** The provider's id of the answer; empty when it gave none. */
  responseId: string;
  /** The model name that the caller asked for. */
  model: string;
  /** When the answer began. Unit: seconds since 1970. */
  createdSeconds: number;
  /** How calls of functions are written that stand for other tools. Absent: there are none. */
  callForms?: CallForms | undefined;
  /** What the answer repeats of the request: `said` of `CallerRequest`. Absent: it said nothing. */
  said?: Readonly<Record<string, unknown>> | undefined;
}

/** A place in a text: from `start` up to and without `end`. */
export interface TextRange {
  start: number;
  end: number;
}

/** A body that may go to a target of the same format with a few places replaced. */
export interface ForwardableBody {
  /** Bytes of the value of `model`. */
  model: TextRange;
  /**
   * Its fields, or at least those among them by which it depends on the target whether it may go on
   * as it is, and `stream`; undefined: not given.
   */
  fields: Readonly<Record<string, unknown>>;
  /** Whether the caller asked for usage in the stream. */
  includeUsage: boolean;
}

/** A place of a body, in bytes, and the ASCII text that replaces it. */
export interface BodyEdit extends TextRange {
  text: string;
}

/** A whole answer that goes to a caller of the same format as it came, but for the model's name. */
export interface RelayedAnswer {
  /** Where the value of `model` stands. */
  model: TextRange;
  /** What is known when it is complete; its usage is never absent, its raw one may be. */
  end: AnswerEnd;
  /** Signature of its last reasoning; absent: there is none, or the format's relay sees none. */
  signature?: string;
}

/** What the path of a request says where its format says it there and not in the body. */
export interface RequestAddress {
  /** Name of the model, decoded. */
  model: string;
  /** Whether the answer is to be streamed. */
  stream: boolean;
}

/** A request as a caller of a compatible API sent it. */
export interface CallerRequest {
  /** The canonical request. */
  request: GenerateRequest;
  /** Whether the answer is to be streamed. */
  stream: boolean;
  /** Whether the caller asked for usage in the stream. */
  includeUsage: boolean;
  /** Undefined when the body can't be sent on as it is. */
  forwardable: ForwardableBody | undefined;
  /** Where the caller wrote what it wishes of routing. Absent: it did not. */
  wishDialect?: WishDialect | undefined;
  /** Whether the answer is to tell how it came about, in its member `penstock`. Absent: no. */
  report?: boolean;
  /** The caller's name for the session, where the body tells it. Absent: not told. */
  session?: string;
  /** Fields among which is what the answer repeats of the request. Absent: it repeats nothing. */
  said?: Readonly<Record<string, unknown>>;
}

/** In what a target differs from the documented format. */
export interface FormatQuirks {
  /** Name of the field for the largest number of output tokens. */
  maxTokensField: "max_tokens" | "max_completion_tokens";
  /** Whether the target knows the role `developer`; if not, it gets `system`. */
  sendsDeveloperRole: boolean;
  /** Whether the target knows `stream_options.include_usage`. */
  supportsStreamUsage: boolean;
  /** Whether the target takes back the reasoning of earlier turns. Absent: no. */
  sendsReasoning?: boolean;
  /** Whether the target knows `cache_control`, the mark of what is to be cached. Absent: no. */
  sendsCacheMarkers?: boolean;
  /**
   * Whether the target refuses fields that it does not document, so that those of OpenAI's other API
   * are not told. Absent: no.
   */
  refusesUnknownFields?: boolean;
  /** Whether the target refuses the field `user`, so that it is not told. Absent: no. */
  omitsUser?: boolean;
  /** Name of the field for the seed. Absent: `seed`. */
  seedField?: "seed" | "random_seed";
  /** Whether ids of tool calls must be nine letters and digits. Absent: no. */
  shortToolIds?: boolean;
}

/** What the writer of a request must know about its target. */
export interface TargetRequest {
  /** The upstream's name of the model. */
  model: string;
  /** Whether the answer is to be streamed. */
  stream: boolean;
  /** In what the target differs. */
  quirks: FormatQuirks;
  /**
   * Largest number of output tokens for formats that can't do without one, where the request names
   * none. Unit: tokens. Absent: what the format knows of the model.
   */
  defaultMaxOutputTokens?: number | undefined;
  /**
   * Told of everything that the body leaves out or says in another way, for the caller. Absent:
   * nobody listens.
   */
  warn?: (warning: string) => void;
}

/** Writes a streamed answer in the caller's format, one event at a time. */
export interface StreamWriter {
  /** Text to send for one event; empty when the format has nothing to say. */
  event(event: StreamEvent): string;
  /** Terminal chunks, the usage chunk if the caller asked for it, and the end mark. */
  finish(end: AnswerEnd, usage: TokenUsage): string;
}

/** One wire format, both directions. Pure: no clock, no input or output. */
export interface Format {
  /** Name of the format. */
  name: FormatName;
  /** Content type of requests and whole answers. */
  contentType: string;
  /** Content type of streamed answers. */
  streamContentType: string;
  /** Whether the reader of a stream can give its text for callers of the same format. */
  relaysStreams?: boolean;
  /**
   * How the texts of a stream's writer and its error become bytes. Absent: as UTF-8. `latin1`: the
   * stream is binary, and each character stands for one byte.
   */
  streamEncoding?: "latin1";
  /** Text that keeps a quiet stream alive and means nothing; empty: the format has none. */
  keepaliveText: string;
  /**
   * Reads a caller's body. Throws FIELD_INVALID or UNSUPPORTED_FIELD with all field paths. `address`
   * is for formats whose path names model and stream; without it they are not known.
   */
  readRequest(body: Uint8Array, address?: RequestAddress): CallerRequest;
  /**
   * What this format alone has words for, said so that a target of another format gets it. What
   * can't be stays as it is. Absent: there is nothing of the kind. Throws FIELD_INVALID.
   */
  plainRequest?(request: GenerateRequest, warn: (warning: string) => void): PlainRequest;
  /** Writes the body for a target; asks for usage in the stream where the target knows that. */
  writeRequest(request: GenerateRequest, target: TargetRequest): string;
  /**
   * How the caller's own body becomes that for a target of this format; undefined when it has to be
   * written anew, because the target wants something said in another way.
   */
  forwardRequest(
    body: ForwardableBody,
    request: GenerateRequest,
    target: TargetRequest,
  ): BodyEdit | undefined;
  /**
   * Looks over a target's whole answer, given as its bytes, which are known to be UTF-8, and as a
   * text of one character for each of them (Latin-1). Undefined when it must be read and written
   * anew, or is no answer.
   */
  relayResponse(text: string, body: Uint8Array): RelayedAnswer | undefined;
  /** Reads a target's whole answer. Throws UPSTREAM_MALFORMED, or the error found in a 200. */
  readResponse(body: Uint8Array): Answer;
  /** Writes a whole answer for the caller. */
  writeResponse(answer: Answer, identity: AnswerIdentity, usage: TokenUsage): string;
  /**
   * Makes the reader of one streamed answer. With `relay` the sink gets its text as well, which only
   * formats with `relaysStreams` give.
   */
  createStreamReader(sink: StreamSink, limits?: StreamLimits, relay?: StreamRelay): StreamReader;
  /** Makes the writer of one streamed answer. */
  createStreamWriter(identity: AnswerIdentity, options: { includeUsage: boolean }): StreamWriter;
  /**
   * Classifies a target's error answer; total. `nowMs` is wall time, for a Retry-After date; when
   * absent the answer's own `date` header takes its place.
   */
  readError(
    status: number,
    header: HeaderGetter,
    body: Uint8Array,
    nowMs?: number,
  ): UpstreamFailure;
  /** Body of an error for the caller; the HTTP status is `reasons[reason].httpStatus`. */
  writeError(error: GatewayError, requestId: string): string;
  /** What ends a stream that can no longer become an error answer. */
  writeStreamError(error: GatewayError, requestId: string): string;
}
