import type { ContentPart, GenerateRequest, Message, MessageRole, Sampling } from "@penstock/api";

/**
 * A canonical request of which nothing is said yet. Every reader begins with one, and all of its
 * fields are there from the beginning: objects of one shape are what engines read fast.
 */
export function newRequest(): GenerateRequest {
  return {
    $typeName: "penstock.inference.v1.GenerateRequest",
    model: "",
    messages: [],
    tools: [],
    toolChoice: undefined,
    sampling: undefined,
    responseFormat: undefined,
    reasoning: undefined,
    candidateCount: undefined,
    labels: {},
    endUser: undefined,
    idempotencyKey: undefined,
    routing: undefined,
    keepaliveInterval: undefined,
    formatParameters: {},
    session: undefined,
    serviceTier: undefined,
  };
}

/** The sampling of a request, made when it is first needed. */
export function samplingOf(request: GenerateRequest): Sampling {
  return (request.sampling ??= newSampling());
}

/** A sampling of which nothing is said yet. */
export function newSampling(): Sampling {
  return {
    $typeName: "penstock.inference.v1.Sampling",
    maxOutputTokens: undefined,
    temperature: undefined,
    topP: undefined,
    topK: undefined,
    frequencyPenalty: undefined,
    presencePenalty: undefined,
    seed: undefined,
    stopSequences: [],
    topLogprobs: undefined,
  };
}

/** A message, with all of its fields from the beginning as well. */
export function newMessage(
  role: MessageRole,
  parts: ContentPart[],
  rawRole?: string,
  name?: string,
): Message {
  return { $typeName: "penstock.inference.v1.Message", role, parts, name, rawRole };
}
