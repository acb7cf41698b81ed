import { Door, VectorEncoding } from "@penstock/api";
import type { EmbedRequest } from "@penstock/api";
import { embeddingFormats, formats } from "@penstock/formats";
import type { Format } from "@penstock/formats";
import type { CompiledTarget } from "@penstock/snapshot";
import { attemptBody } from "./attempt-body.ts";
import type { WholeAnswer } from "./downstream.ts";
import { expectedDimensions } from "./embedding-fitness.ts";
import type { AdmissionParts } from "./plan-for-context.ts";
import type { RequestContext } from "./request-context.ts";

/** How the answer to an attempt is read; every `Format` is one. */
export interface AnswerReading {
  /** Throws as `Format.readResponse` does. */
  readResponse(body: Uint8Array): WholeAnswer;
  readonly readError: Format["readError"];
  /** Absent: an answer never goes to the caller as it came. */
  readonly relayResponse?: Format["relayResponse"];
  /** Absent: there are no streams. */
  readonly createStreamReader?: Format["createStreamReader"];
}

/** What an attempt sends to its target, and how it reads what comes back. */
export interface AttemptMessage {
  readonly body: string | Buffer;
  /** Undefined: the path of the deployment. */
  readonly path: string | undefined;
  readonly reading: AnswerReading;
  /** Whether a whole answer may go to the caller as it came. */
  readonly relays: boolean;
}

/**
 * The request in the target's format; what is left out of it for this target is noted among the
 * warnings. Throws where the format can't express it.
 */
export function attemptMessage(
  context: RequestContext,
  target: CompiledTarget,
  parts: Pick<AdmissionParts, "affinity" | "clock">,
): AttemptMessage {
  const { stream, vectors, report, callerFormat } = context;
  if (vectors !== undefined) return vectorMessage(context, vectors, target);
  const { format } = target.deployment;
  return {
    body: attemptBody(context, target, parts),
    path: undefined,
    reading: formats[format],
    relays: !stream && !report && callerFormat === format,
  };
}

function vectorMessage(
  context: RequestContext,
  request: EmbedRequest,
  { deployment }: CompiledTarget,
): AttemptMessage {
  const { route, report, door } = context;
  const { embedding, model } = deployment;
  if (embedding === undefined || route === undefined) throw new Error("runs after planning");
  const { path, quirks } = embedding;
  const format = embeddingFormats[embedding.format];
  const expected = {
    count: request.inputs.length,
    dimensions: expectedDimensions(route, request),
  };
  const wantsBytes = request.encoding === VectorEncoding.BYTES;
  const dropsUser = !quirks.knowsUser && request.endUser !== undefined;
  context.warnings = dropsUser ? ["parameter_dropped: user"] : [];
  return {
    body: format.writeRequest(request, { model, quirks }),
    path,
    reading: {
      readResponse: (body) => format.readResponse(body, expected),
      readError: format.readError,
      relayResponse: (text, body) => format.relayResponse(text, body, expected, request.encoding),
    },
    // Numbers are asked for by saying nothing.
    relays: !report && door === Door.OPENAI_EMBEDDINGS && quirks.sendsBase64 === wantsBytes,
  };
}
