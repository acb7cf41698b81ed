import type { ContentPart } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import { failureToError, localFailure } from "../failure-to-error.ts";
import type { Answer, AnswerEnd } from "../format.ts";
import { citationPart, mediaPart, textPart } from "../openai-chat/content-parts.ts";
import { isJsonObject, readJsonObject } from "../read-json.ts";
import {
  ownWordsWarning,
  readAnswerPart,
  type AnswerPart,
  type CallNumbering,
} from "./answer-part.ts";
import { readCitations } from "./citations.ts";
import { failedFinish, newFinish, thoughtItAway } from "./finish-reason.ts";
import { lostLogprobs, putLogprobs, readLogprobsResult } from "./logprobs-result.ts";
import { readInBandError } from "./read-error.ts";
import { ownPart, signed, signedCall, thoughtPart } from "./read-part.ts";
import { readUsage, servedTierOf } from "./usage.ts";

const maxCandidateCount = 128;
const maxNameLength = 256;

/**
 * Reads a whole answer. Throws UPSTREAM_MALFORMED when it is not what the format says, the error
 * itself when the target put one into an answer of status 200, and CONTENT_FILTERED when the
 * request was blocked, which has the status 200 as well.
 */
export function readResponse(body: Uint8Array): Answer {
  const fields = parse(body);
  if (fields["error"] != null) throw failureToError(readInBandError(fields));
  const list = fields["candidates"];
  if (!Array.isArray(list) || list.length === 0) {
    throw blockedPrompt(fields) ?? localFailure("MALFORMED", "no list of candidates");
  }
  if (list.length > maxCandidateCount) throw localFailure("MALFORMED", "too many candidates");
  const responseId = shortText(fields["responseId"]);
  const numbering: CallNumbering = { responseId, calls: 0 };
  const warned = new Set<string>();
  const candidates = list.map((one, position) => readCandidate(one, position, numbering, warned));
  candidates.sort((one, other) => one.finish.candidate - other.finish.candidate);
  const { usage, raw, warnings } = readUsage(fields["usageMetadata"]);
  const end: AnswerEnd = {
    candidates: candidates.map((candidate) => candidate.finish),
    usage,
    rawUsage: raw,
    responseId,
    model: shortText(fields["modelVersion"]),
    warnings: [...warnings, ...warned],
  };
  const servedTier = servedTierOf(raw);
  if (servedTier !== undefined) end.servedTier = servedTier;
  return { candidates, end };
}

/** The error of a request that was blocked before any answer; undefined when it was not. */
export function blockedPrompt(fields: Record<string, unknown>): GatewayError | undefined {
  const feedback = fields["promptFeedback"];
  const reason = isJsonObject(feedback) ? shortText(feedback["blockReason"]) : "";
  if (reason === "" || reason === "BLOCK_REASON_UNSPECIFIED") return undefined;
  return failureToError({
    class: "CONTENT_FILTERED",
    providerCode: reason,
    providerType: "",
    message: "",
  });
}

/** Text of a bounded length, or nothing. */
export function shortText(value: unknown): string {
  return typeof value === "string" ? value.slice(0, maxNameLength) : "";
}

/** The number of a candidate; where it is not said or not sane, the position stands for it. */
export function candidateOf(index: unknown, position: number): number {
  const sane = Number.isInteger(index) && (index as number) >= 0;
  return sane && (index as number) < maxCandidateCount ? (index as number) : position;
}

/** The parts of a candidate as the wire has them. */
export function partsOf(candidate: Record<string, unknown>): Record<string, unknown>[] {
  const content = candidate["content"];
  const parts = isJsonObject(content) ? content["parts"] : undefined;
  return Array.isArray(parts) ? parts.filter(isJsonObject) : [];
}

function parse(body: Uint8Array): Record<string, unknown> {
  try {
    return readJsonObject(unwrapped(body));
  } catch (error) {
    if (error instanceof GatewayError) throw localFailure("MALFORMED", error.message);
    throw error;
  }
}

const [openBracket, closeBracket] = [91, 93];

/** An error of the streaming method comes in a list of one, as do answers behind some proxies. */
function unwrapped(body: Uint8Array): Uint8Array {
  let start = 0;
  let end = body.length;
  while (isBlank(body[start])) start++;
  while (isBlank(body[end - 1])) end--;
  if (body[start] !== openBracket || body[end - 1] !== closeBracket) return body;
  return body.subarray(start + 1, end - 1);
}

function isBlank(byte: number | undefined): boolean {
  return byte === 32 || byte === 10 || byte === 13 || byte === 9;
}

function readCandidate(
  candidate: unknown,
  position: number,
  numbering: CallNumbering,
  warned: Set<string>,
): Answer["candidates"][number] {
  if (!isJsonObject(candidate)) throw localFailure("MALFORMED", `candidate ${position} is none`);
  const raw = shortText(candidate["finishReason"]);
  const failed = failedFinish(raw, candidate["finishMessage"]);
  if (failed !== undefined) throw failed;
  const parts: ContentPart[] = [];
  let text = "";
  let calls = false;
  for (const fields of partsOf(candidate)) {
    const part = readAnswerPart(fields, numbering);
    if (part.kind === "text") text += part.text;
    if (part.kind === "own" && part.name !== "") warned.add(ownWordsWarning(part.name));
    calls ||= part.kind === "call";
    parts.push(...contentOf(part));
  }
  if (raw === "MAX_TOKENS" && text === "" && !calls) warned.add(thoughtItAway);
  const logprobs = readLogprobsResult(candidate["logprobsResult"]);
  if (logprobs !== undefined && !putLogprobs(parts, logprobs)) warned.add(lostLogprobs);
  for (const citation of readCitations(candidate, text)) parts.push(citationPart(citation));
  return {
    parts: withoutCarriers(parts),
    finish: newFinish(candidateOf(candidate["index"], position), raw, calls),
  };
}

function contentOf(part: AnswerPart): ContentPart[] {
  switch (part.kind) {
    case "text":
      if (part.text === "" && part.signature === undefined) return [];
      return signed(textPart(part.text), part.signature);
    case "thought":
      return [thoughtPart(part.text, part.signature)];
    case "call":
      return [signedCall(part, part.signature)];
    case "media": {
      const { mediaType, data, signature } = part;
      return signed(mediaPart({ mediaType, source: { case: "data", value: data } }), signature);
    }
    case "own":
      return part.name === "" ? [] : [ownPart(part.fields)];
  }
}

/** Without empty texts that only carried a proof, which stands behind them as its own part. */
function withoutCarriers(parts: readonly ContentPart[]): ContentPart[] {
  return parts.filter(({ part }, index) => {
    if (part.case !== "text" || part.value.text !== "") return true;
    return parts[index + 1]?.part.case !== "reasoning";
  });
}
