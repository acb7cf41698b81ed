import type { EmbedInput, EmbedRequest } from "@penstock/api";
import type { EmbeddingTarget } from "../embedding-format.ts";
import { FieldProblems } from "../field-problems.ts";
import { isRefusedField } from "../refused-fields.ts";
import { isOwnField } from "./read-request.ts";

/**
 * Writes the body for a target of the Embeddings API. Labels, wishes and the idempotency key stay
 * with Penstock; `end_user` is sent as `user` where the target knows that. Which encoding the
 * caller wants is of no interest: the target is asked for the one that it writes best.
 */
export function writeRequest(request: EmbedRequest, { model, quirks }: EmbeddingTarget): string {
  const body: Record<string, unknown> = {
    model,
    input: writeInput(request.inputs),
    dimensions: request.dimensions,
    // Strict servers refuse a field that they don't know; `float` is what all do by themselves.
    encoding_format: quirks.sendsBase64 ? "base64" : undefined,
    user: quirks.knowsUser ? request.endUser : undefined,
  };
  const extras = request.formatParameters["openai-embeddings"];
  for (const name in extras) {
    if (isCarried(name)) body[name] = extras[name];
  }
  return JSON.stringify(body);
}

/**
 * Checks the `format_parameters["openai-embeddings"]` of a caller who wrote them directly: throws
 * UNSUPPORTED_FIELD for a name that is refused, or that has its own field in the request.
 */
export function checkEmbeddingParameters(request: EmbedRequest): void {
  const problems = new FieldProblems();
  for (const name of Object.keys(request.formatParameters["openai-embeddings"] ?? {})) {
    if (isCarried(name)) continue;
    problems.addUnsupported(
      `format_parameters["openai-embeddings"].${name}`,
      "is refused here: it is a field of the request itself, or no caller may choose it",
    );
  }
  problems.throwIfAny();
}

function isCarried(name: string): boolean {
  return !isOwnField(name) && !isRefusedField(name);
}

/** One input stands alone, as callers write it and as every server takes it. */
function writeInput(inputs: readonly EmbedInput[]): unknown {
  const values = inputs.map(({ input }) =>
    input.case === "tokens" ? input.value.tokens : (input.value ?? ""),
  );
  return values.length === 1 ? values[0] : values;
}
