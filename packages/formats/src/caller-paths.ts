import type { ContentPart, GenerateRequest } from "@penstock/api";
import { traceRequest as traceAnthropic } from "./anthropic-messages/read-request.ts";
import type { FieldOrigins } from "./field-problems.ts";
import type { FormatName } from "./format.ts";
import { traceRequest as traceChat } from "./openai-chat/read-request.ts";
import { traceRequest as traceResponses } from "./openai-responses/read-request.ts";

/** How a format that callers speak names what a canonical request has. */
interface CallerWords {
  /** Reads a body that was read before, and notes where each part stood. */
  trace(body: Uint8Array, origins: FieldOrigins): GenerateRequest;
  /** Fields by their canonical paths; the others are named the same in both. */
  readonly fields: ReadonlyMap<string, string>;
  /** Member of a call that has its arguments. */
  readonly callArguments: string;
}

const words: Partial<Record<FormatName, CallerWords>> = {
  "openai-chat": {
    trace: traceChat,
    fields: new Map([
      ["candidate_count", "n"],
      ["sampling.stop_sequences", "stop"],
    ]),
    callArguments: "function.arguments",
  },
  "openai-responses": {
    trace: traceResponses,
    fields: new Map([["response_format", "text.format"]]),
    callArguments: "arguments",
  },
  "anthropic-messages": {
    trace: traceAnthropic,
    fields: new Map([
      ["sampling.stop_sequences", "stop_sequences"],
      ["response_format", "output_config.format"],
    ]),
    callArguments: "input",
  },
};

/** A body that was refused while it was written for a target. */
export interface RefusedRequest {
  /** Format of the caller. */
  readonly format: FormatName;
  readonly body: Uint8Array;
  /** The request as it was read from the body. */
  readonly request: GenerateRequest;
  /** The same as it was written: parts may have been left out of it. */
  readonly written: GenerateRequest;
}

const contentPath =
  /^messages\[(\d+)\](?:\.parts\[(\d+)\](?:(?:\.tool_result)?\.parts\[(\d+)\])?)?(\..+)?$/;

/**
 * Paths of a canonical request as its caller wrote them: `messages[0].parts[1]` may be
 * `messages[0].content[1]` or `input[3]`. For errors alone: the body is read again. What has no
 * place in the body keeps its path.
 */
export function callerPaths(refused: RefusedRequest): (path: string) => string {
  const known = words[refused.format];
  if (known === undefined) return (path) => path;
  const origins: FieldOrigins = new Map();
  const traced = known.trace(refused.body, origins);
  return (path) => {
    const inContent = contentPath.exec(path);
    if (inContent === null) return known.fields.get(path) ?? path;
    const [, message, part, nested, member] = inContent;
    const place = [Number(message), index(part), index(nested)] as const;
    const origin = originOf(refused, traced, origins, place);
    if (origin === undefined) return path;
    if (member === ".tool_call.arguments_json") return `${origin}.${known.callArguments}`;
    return `${origin}${member ?? ""}`;
  };
}

type Place = readonly [message: number, part: number | undefined, nested: number | undefined];

function index(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}

function originOf(
  { request, written }: RefusedRequest,
  traced: GenerateRequest,
  origins: FieldOrigins,
  [at, part, nested]: Place,
): string | undefined {
  const [as, own, now] = [written.messages[at], request.messages[at], traced.messages[at]];
  if (as === undefined || own === undefined || now === undefined) return undefined;
  if (part === undefined) return origins.get(now) ?? messageOf(now.parts, origins);
  // Of a message that parts were left out of, the others have moved up.
  const moved = as === own ? part : own.parts.indexOf(as.parts[part] as ContentPart);
  const found = now.parts[moved];
  if (found === undefined) return undefined;
  const inside = nested === undefined ? undefined : resultParts(found)[nested];
  return origins.get(inside ?? found);
}

/** The message around its first part; a part may stand for several of the caller's items. */
function messageOf(parts: readonly ContentPart[], origins: FieldOrigins): string | undefined {
  const [first] = parts;
  return first && origins.get(first)?.replace(/\.content(?:\[\d+\])?$/, "");
}

function resultParts({ part }: ContentPart): readonly ContentPart[] {
  return part.case === "toolResult" ? part.value.parts : [];
}
