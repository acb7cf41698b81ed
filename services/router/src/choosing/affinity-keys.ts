import { createHash } from "node:crypto";
import { toBinary } from "@bufbuild/protobuf";
import { MessageRole, MessageSchema, ToolSchema } from "@penstock/api";
import type { CacheMarker, GenerateRequest } from "@penstock/api";
import type { RequestContext } from "../pipeline/request-context.ts";

/**
 * What requests of one conversation have in common: the session that the caller names, else the
 * beginning of the conversation where a prompt cache is asked for. Undefined: nothing holds it to
 * a target. Keys of different virtual keys and models never meet.
 */
export function affinityKey(context: RequestContext): string | undefined {
  const { caller, request } = context;
  if (caller === undefined || request === undefined) return undefined;
  const session = sessionOf(context, request);
  const within = `${caller.virtualKey}\n${request.model}\n`;
  if (session !== "") return `${within}session ${session}`;
  return markedCacheMs(request) !== undefined
    ? `${within}prefix ${prefixHash(request)}`
    : undefined;
}

/** Key of the issuer of the newest signed reasoning that the request sends back. */
export function signatureKey(request: GenerateRequest): string | undefined {
  for (let at = request.messages.length - 1; at >= 0; at -= 1) {
    const message = request.messages[at];
    if (message?.role !== MessageRole.ASSISTANT) continue;
    for (const { part } of message.parts.toReversed()) {
      if (part.case !== "reasoning" && part.case !== "toolCall") continue;
      if (part.value.signature) return keyOfSignature(part.value.signature);
    }
  }
  return undefined;
}

/** Signatures are long and unlike each other from the first characters on. */
export function keyOfSignature(signature: string): string {
  return `signature ${createHash("sha256").update(signature).digest("base64")}`;
}

/**
 * How long the request asks its provider to keep the cache. Undefined: it asks for none; NaN: for as
 * long as the provider does by itself. Unit: milliseconds.
 */
export function markedCacheMs(request: GenerateRequest): number | undefined {
  let longestMs: number | undefined;
  for (const { cacheMarker } of request.tools) {
    if (cacheMarker !== undefined) longestMs = longer(longestMs, cacheMarker);
  }
  for (const { parts } of request.messages) {
    for (const { cacheMarker } of parts) {
      if (cacheMarker !== undefined) longestMs = longer(longestMs, cacheMarker);
    }
  }
  return longestMs;
}

function longer(longestMs: number | undefined, marker: CacheMarker): number {
  const toldMs = timeToLiveMs(marker.timeToLive);
  return longestMs !== undefined && longestMs >= toldMs ? longestMs : toldMs;
}

const unitsMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 };

function timeToLiveMs(text: string | undefined): number {
  const [, count, unit] = /^(\d{1,4})([smh])$/.exec(text ?? "") ?? [];
  return Number(count) * (unitsMs[unit ?? ""] ?? Number.NaN);
}

function sessionOf({ session }: RequestContext, request: GenerateRequest): string {
  if (session !== "") return session;
  const { "openai-chat": chat, "openai-responses": responses } = request.formatParameters;
  const cacheKey = chat?.["prompt_cache_key"] ?? responses?.["prompt_cache_key"];
  return typeof cacheKey === "string" ? cacheKey.slice(0, 256) : "";
}

/** Tools, instructions and the first turn: what later turns of a conversation repeat. */
function prefixHash(request: GenerateRequest): string {
  const hash = createHash("sha256");
  for (const tool of request.tools) hash.update(toBinary(ToolSchema, tool));
  for (const message of request.messages) {
    hash.update(toBinary(MessageSchema, message));
    if (message.role !== MessageRole.SYSTEM) break;
  }
  return hash.digest("base64");
}
