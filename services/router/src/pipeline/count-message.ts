import { UsageSource } from "@penstock/api";
import { countingFormats, formats } from "@penstock/formats";
import type { CountingFormat } from "@penstock/formats";
import type { CompiledTarget } from "@penstock/snapshot";
import { adaptRequest } from "../choosing/adapt-request.ts";
import type { AnswerReading, AttemptMessage } from "./attempt-message.ts";
import { forwardedBody } from "./forwarded-body.ts";
import type { AdmissionParts } from "./plan-for-context.ts";
import { plainForTarget } from "./plain-for-target.ts";
import type { RequestContext } from "./request-context.ts";

/**
 * What asks a target for a count: the caller's own body where it may go on as it is, else what of the
 * request bears on its input. Throws a GatewayError when the format can't express the request.
 */
export function countMessage(
  context: RequestContext,
  target: CompiledTarget,
  parts: Pick<AdmissionParts, "affinity" | "clock">,
): AttemptMessage {
  const { counting } = target.deployment;
  if (counting === undefined) throw new Error("runs after planning");
  const format = countingFormats[counting.format];
  const body = bodyOf(context, target, { format, parts });
  return { body, path: counting.path, reading: readingOf(format), relays: false };
}

function bodyOf(
  context: RequestContext,
  target: CompiledTarget,
  { format, parts }: { format: CountingFormat; parts: Pick<AdmissionParts, "affinity" | "clock"> },
): string | Buffer {
  const { request } = context;
  const { model, quirks, askedMaxOutputTokens: defaultMaxOutputTokens } = target.deployment;
  if (request === undefined) throw new Error("runs after the request was read");
  const wanted = { model, stream: false, quirks, defaultMaxOutputTokens };
  const adapted = adaptRequest(context, target, parts);
  const { format: name, forwardRequest } = format;
  if (adapted === undefined && forwardRequest !== undefined) {
    const own = forwardedBody(context, { name, forwardRequest }, wanted);
    if (own !== undefined) return own;
  }
  const asked = adapted?.request ?? request;
  return format.writeRequest(plainForTarget(context, asked, name, ignore), wanted);
}

/** A count is the same for whoever asks: nobody is told how it came about. */
function ignore(): void {}

/** A count is read as an answer without content, whose usage has the tokens of the input. */
function readingOf({ format, readResponse }: CountingFormat): AnswerReading {
  const end = { candidates: [], rawUsage: undefined, responseId: "", model: "", warnings: [] };
  return {
    readError: formats[format].readError,
    readResponse: (body) => {
      const inputTokens = BigInt(readResponse(body));
      const source = UsageSource.REPORTED;
      const usage = { $typeName: "penstock.type.v1.TokenUsage", inputTokens, source } as const;
      return { candidates: [], end: { ...end, usage } };
    },
  };
}
