import type { ContentPart, GenerateRequest } from "@penstock/api";
import { estimateMediaTokens } from "@penstock/pricing";
import { kindOf } from "../choosing/request-needs.ts";
import type { RequestContext } from "./request-context.ts";

/** What the media of a request are in all. */
export interface MediaSize {
  /** Of its body. */
  readonly bytes: number;
  /** An upper bound (`estimateMediaTokens`). */
  readonly tokens: number;
}

/**
 * The media of a request, whose bytes say nothing of what they count for; undefined where there are
 * none, as nearly always.
 */
export function mediaOf(
  context: Pick<RequestContext, "callerFormat" | "request">,
): MediaSize | undefined {
  const { request, callerFormat } = context;
  return request === undefined || !hasAnyMedia(request)
    ? undefined
    : new MediaSum(callerFormat !== undefined).of(request);
}

/** Bytes of a request that are not its media. */
export function textBytes(requestBytes: number, media: MediaSize | undefined): number {
  return media === undefined ? requestBytes : Math.max(0, requestBytes - media.bytes);
}

function hasAnyMedia({ messages }: GenerateRequest): boolean {
  for (const { parts } of messages) {
    for (const { part } of parts) {
      if (part.case === "media" || part.case === "toolResult") return true;
    }
  }
  return false;
}

class MediaSum implements MediaSize {
  bytes = 0;
  tokens = 0;
  /** As in all formats of JSON; where callers speak protobuf, bytes are themselves. */
  readonly #isBase64: boolean;

  constructor(isBase64: boolean) {
    this.#isBase64 = isBase64;
  }

  of({ messages }: GenerateRequest): MediaSize | undefined {
    for (const { parts } of messages) for (const part of parts) this.#add(part);
    return this.tokens === 0 ? undefined : this;
  }

  #add({ part }: ContentPart): void {
    if (part.case === "toolResult") {
      for (const inner of part.value.parts) this.#add(inner);
      return;
    }
    if (part.case !== "media") return;
    const { mediaType = "", source } = part.value;
    const data = source.case === "data" ? source.value : undefined;
    const size = data?.length ?? 0;
    this.bytes += this.#isBase64 ? Math.ceil(size / 3) * 4 : size;
    this.tokens += estimateMediaTokens({ kind: kindOf(part.value), mediaType, data });
  }
}
