import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BlockKind, FinishReason, UsageSource } from "@penstock/api";
import type { TokenUsage } from "@penstock/api";
import { formats } from "@penstock/formats";
import type { AnswerEnd, FormatName, StreamEvent } from "@penstock/formats";
import { upstreamModel } from "../control-client.ts";
import { inputTokens, wholeOutputTokens } from "../verify.ts";

const inference = "penstock.inference.v1";
const identity = {
  requestId: "req_0123456789abcdef",
  responseId: "resp-A1b2C3d4E5f6G7h8I9j0",
  model: upstreamModel,
  createdSeconds: 1_700_000_000,
};
/** As long as that of tools/mock.c. */
const wholeText = "abcde ".repeat(107).slice(0, 640);
const pieceText = " hello";

/** What a vendor sends, byte by byte. */
export interface VendorAnswers {
  /** A whole answer with its head. */
  readonly whole: Buffer;
  /** The head of a streamed answer, and what comes before its first text. */
  readonly head: Buffer;
  /** One piece of text. */
  readonly event: Buffer;
  /** What follows the last one. */
  readonly last: Buffer;
}

/**
 * The answers of a vendor that speaks a format: with the tokens of tools/mock.c, so that pairs
 * compare and are verified alike. They are what the format's own writers make; that those read and
 * write as the vendors document is for the tests of the formats to say.
 */
export function vendorAnswers(name: FormatName, chunks: number): VendorAnswers {
  const format = formats[name];
  const { whole, usage } = writeWhole(name);
  const writer = format.createStreamWriter(identity, { includeUsage: true });
  const bytes = (text: string): Buffer => Buffer.from(text, format.streamEncoding ?? "utf8");
  const opening = bytes(writer.event(blockStarted));
  const pieces = Array.from({ length: chunks }, () => bytes(writer.event(blockDelta)));
  const streamUsage = { ...usage, outputTokens: BigInt(chunks) };
  const ended = writer.event(blockEnded) + writer.finish(endOf(streamUsage), streamUsage);
  // Some formats open with the first text; the second piece is one like all others.
  const first = pieces[0] ?? Buffer.alloc(0);
  const event = pieces[1] ?? first;
  const before = first.length > event.length ? first.subarray(0, first.length - event.length) : "";
  return {
    whole: answerHead(format.contentType, `content-length: ${whole.length}`, whole),
    head: answerHead(
      format.streamContentType,
      "transfer-encoding: chunked",
      asChunk(Buffer.concat([opening, Buffer.from(before)])),
    ),
    event: asChunk(event),
    last: Buffer.concat([asChunk(bytes(ended)), Buffer.from("0\r\n\r\n")]),
  };
}

/** Writes the answers where tools/mock.c looks for them; gives the folder. */
export function writeVendorAnswers(parent: string, name: FormatName, chunks: number): string {
  const folder = join(parent, name);
  mkdirSync(folder, { recursive: true });
  for (const [file, bytes] of Object.entries(vendorAnswers(name, chunks))) {
    writeFileSync(join(folder, file), bytes);
  }
  return folder;
}

function writeWhole(name: FormatName): { whole: Buffer; usage: TokenUsage } {
  const usage: TokenUsage = {
    $typeName: "penstock.type.v1.TokenUsage",
    inputTokens,
    outputTokens: wholeOutputTokens,
    source: UsageSource.REPORTED,
  };
  const end = endOf(usage);
  const text = { $typeName: `${inference}.TextPart`, text: wholeText, refusal: false } as const;
  const part = { case: "text", value: text } as const;
  const parts = [{ $typeName: `${inference}.ContentPart`, part } as const];
  const candidates = end.candidates.map((finish) => ({ parts, finish }));
  const whole = formats[name].writeResponse({ candidates, end }, identity, usage);
  return { whole: Buffer.from(whole), usage };
}

function endOf(usage: TokenUsage): AnswerEnd {
  const $typeName = `${inference}.CandidateFinish` as const;
  return {
    candidates: [{ $typeName, candidate: 0, reason: FinishReason.STOP, rawReason: "" }],
    usage,
    rawUsage: undefined,
    responseId: identity.responseId,
    model: upstreamModel,
    warnings: [],
  };
}

const blockStarted: StreamEvent = {
  case: "blockStarted",
  value: {
    $typeName: `${inference}.BlockStarted`,
    index: 0,
    candidate: 0,
    kind: BlockKind.TEXT,
    toolCallId: "",
    toolName: "",
  },
};
const blockDelta: StreamEvent = {
  case: "blockDelta",
  value: {
    $typeName: `${inference}.BlockDelta`,
    index: 0,
    delta: { case: "text", value: pieceText },
  },
};
const blockEnded: StreamEvent = {
  case: "blockEnded",
  value: { $typeName: `${inference}.BlockEnded`, index: 0 },
};

function answerHead(contentType: string, framing: string, body: Buffer): Buffer {
  const lines = [
    "HTTP/1.1 200 OK",
    `content-type: ${contentType}`,
    `x-request-id: ${identity.requestId}`,
    framing,
  ];
  return Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`), body]);
}

/** One chunk of a chunked body; none where there is nothing, as an empty one ends the body. */
function asChunk(bytes: Buffer): Buffer {
  if (bytes.length === 0) return bytes;
  const size = Buffer.from(`${bytes.length.toString(16)}\r\n`);
  return Buffer.concat([size, bytes, Buffer.from("\r\n")]);
}
