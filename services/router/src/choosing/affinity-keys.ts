import { createHash } from "node:crypto";
import { toBinary } from "@bufbuild/protobuf";
import { MessageRole, MessageSchema, ToolSchema } from "@penstock/api";
import type { GenerateRequest } from "@penstock/api";
import { isJsonObject } from "@penstock/formats";
import type { RequestContext } from "../pipeline/request-context.ts";

/** Members by which formats mark what a provider shall cache. */
const markers: ReadonlySet<string> = new Set(["cache_control", "cachePoint"]);
/** Values looked at for a marker; they stand near the beginning, or in few places. */
const mostVisited = 2_000;

/**
 * What requests of one conversation have in common: the session that the caller names, else the
 * beginning of the conversation where a prompt cache is asked for. Undefined: nothing holds it to
 * a target. Keys of different virtual keys and models never meet.
 */
export function affinityKey(context: RequestContext): string | undefined {
  const { caller, request } = context;
  if (caller === undefined || request === undefined) return undefined;
  const session = sessionOf(request);
  const within = `${caller.virtualKey}\n${request.model}\n`;
  if (session !== undefined) return `${within}session ${session}`;
  return asksForCache(request) ? `${within}prefix ${prefixHash(request)}` : undefined;
}

/** Key of the issuer of the newest signed reasoning that the request sends back. */
export function signatureKey(request: GenerateRequest): string | undefined {
  for (let at = request.messages.length - 1; at >= 0; at -= 1) {
    const message = request.messages[at];
    if (message?.role !== MessageRole.ASSISTANT) continue;
    for (const { part } of message.parts) {
      if (part.case !== "reasoning" || part.value.signature === undefined) continue;
      return keyOfSignature(part.value.signature);
    }
  }
  return undefined;
}

/** Signatures are long and unlike each other from the first characters on. */
export function keyOfSignature(signature: string): string {
  return `signature ${createHash("sha256").update(signature).digest("base64")}`;
}

function sessionOf(request: GenerateRequest): string | undefined {
  if (request.session !== undefined && request.session !== "") return request.session;
  const cacheKey = request.formatParameters["openai-chat"]?.["prompt_cache_key"];
  return typeof cacheKey === "string" && cacheKey !== "" ? cacheKey.slice(0, 256) : undefined;
}

function asksForCache(request: GenerateRequest): boolean {
  for (const format in request.formatParameters) {
    const left = { visits: mostVisited };
    if (hasMarker(request.formatParameters[format], left)) return true;
  }
  return false;
}

function hasMarker(value: unknown, left: { visits: number }): boolean {
  left.visits -= 1;
  if (left.visits < 0) return false;
  if (Array.isArray(value)) return value.some((member) => hasMarker(member, left));
  if (!isJsonObject(value)) return false;
  for (const key in value) if (markers.has(key) || hasMarker(value[key], left)) return true;
  return false;
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
