import { create } from "@bufbuild/protobuf";
import { GenerateRequestSchema } from "@penstock/api";
import type { EmbedRequest, GenerateRequest } from "@penstock/api";

/** What the pipeline carries to a provider. */
export type Operation = "generate" | "embed" | "count_tokens";

/**
 * What a request for vectors has in common with one for an answer: model, labels, end user and
 * wishes. Everything that asks about these asks the same of both.
 */
export function headOfVectors(request: EmbedRequest): GenerateRequest {
  const { model, labels, endUser, idempotencyKey, routing, session, formatParameters } = request;
  return create(GenerateRequestSchema, {
    model,
    labels,
    formatParameters,
    ...(endUser === undefined ? {} : { endUser }),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
    ...(routing === undefined ? {} : { routing }),
    ...(session === undefined ? {} : { session }),
  });
}
