import type { IncomingMessage, ServerResponse } from "node:http";
import { UsageSource } from "@penstock/api";
import type { CountTokensResponse } from "@penstock/api";
import { GatewayError, toGatewayError } from "@penstock/errors";
import { readCountRequest } from "@penstock/formats";
import type { Format } from "@penstock/formats";
import { newUuidV7 } from "@penstock/runtime";
import type { Snapshot } from "@penstock/snapshot";
import { authenticate } from "../pipeline/authenticate.ts";
import { countTokens } from "../pipeline/count-tokens.ts";
import type { PipelineParts } from "../pipeline/pipeline-parts.ts";
import { quietRequest } from "../pipeline/quiet-request.ts";
import { requestIdHeader } from "./answer-headers.ts";
import type { BodyBudget } from "./body-budget.ts";
import { writeHttpError } from "./http-downstream.ts";
import { checkBodyHead, readBody } from "./read-body.ts";
import { tokenOf } from "./request-head.ts";

/** What the endpoint that counts tokens needs. */
export interface CountTokensOptions {
  readonly parts: PipelineParts;
  readonly currentSnapshot: () => Snapshot | undefined;
  readonly bodies: BodyBudget;
  readonly format: Format;
  /** Throws away the rest of a body that nobody reads. */
  readonly discardBody: () => void;
}

/**
 * Answers with the tokens of a request's input, estimated as they are when a request is reserved,
 * and says that they are. Only who is let in may send a body; nothing goes to a provider.
 */
export function answerTokenCount(
  request: IncomingMessage,
  response: ServerResponse,
  options: CountTokensOptions,
): void {
  const { parts, format } = options;
  const requestId = newUuidV7(parts.clock);
  const fail = (error: GatewayError): void => {
    options.discardBody();
    writeHttpError(response, format, { error, requestId, headers: ["x-request-id", requestId] });
  };
  const token = tokenOf(request);
  const snapshot = options.currentSnapshot();
  const refusal = authenticate(quietRequest(snapshot, token, parts), parts);
  const wrong = refusal ?? checkBodyHead(request);
  if (wrong !== undefined) {
    fail(wrong);
    return;
  }
  const waits = request.headers.expect !== undefined && request.httpVersion === "1.1";
  if (waits) response.writeContinue();
  readBody(request, options.bodies, (body) => {
    if (body instanceof GatewayError) {
      fail(body);
      return;
    }
    try {
      const asked = { snapshot, token, ...readCountRequest(body), sizeBytes: body.length };
      const counted = countTokens(asked, parts);
      if (counted instanceof GatewayError) fail(counted);
      else writeCount(response, format, { counted, requestId });
    } catch (error) {
      const known = toGatewayError(error);
      if (known.reason === "INTERNAL") parts.events.bug(requestId, error);
      fail(known);
    }
  });
}

function writeCount(
  response: ServerResponse,
  format: Format,
  { counted, requestId }: { readonly counted: CountTokensResponse; readonly requestId: string },
): void {
  const source = counted.source === UsageSource.REPORTED ? "reported" : "estimated";
  const text = JSON.stringify({
    input_tokens: Number(counted.inputTokens),
    penstock: { source, deployment: counted.deployment, provider: counted.provider },
  });
  const headers = ["x-request-id", requestId, ...requestIdHeader(format, requestId)];
  headers.push("x-penstock-token-source", source);
  headers.push("content-type", format.contentType);
  headers.push("content-length", String(Buffer.byteLength(text)));
  response.writeHead(200, headers);
  response.end(text);
}
