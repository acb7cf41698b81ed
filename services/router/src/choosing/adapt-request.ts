import type { GenerateRequest, Message } from "@penstock/api";
import type { CompiledTarget } from "@penstock/snapshot";
import { issuerOf } from "../pipeline/plan-for-context.ts";
import type { AdmissionParts } from "../pipeline/plan-for-context.ts";
import type { RequestContext } from "../pipeline/request-context.ts";
import { unmetNeeds } from "./request-needs.ts";

/** A request as one target gets it. */
export interface AdaptedRequest {
  readonly request: GenerateRequest;
  /** What was left out and why; the caller gets to read it. */
  readonly warnings: readonly string[];
}

/**
 * The request without what the target can't do and it can do without; undefined when nothing has to
 * be left out, so that the caller's own body may still be sent.
 */
export function adaptRequest(
  context: RequestContext,
  target: CompiledTarget,
  parts: Pick<AdmissionParts, "affinity" | "clock">,
): AdaptedRequest | undefined {
  const { request, stream } = context;
  if (request === undefined) throw new Error("runs after the request was read");
  const { deployment } = target;
  const unmet = unmetNeeds(request, stream, deployment.capabilities);
  const issuer = issuerOf(context, parts)?.provider;
  const foreign = issuer !== undefined && issuer !== deployment.provider.name;
  if (unmet === undefined && !foreign) return undefined;
  const adapted: GenerateRequest = { ...request };
  const warnings: string[] = [];
  for (const { capability, words, parameter, droppable } of unmet ?? []) {
    if (!droppable) continue;
    drop(adapted, capability);
    warnings.push(`${parameter} was left out: ${deployment.name} does not know ${words}`);
  }
  if (foreign) {
    adapted.messages = request.messages.map(withoutSignedReasoning);
    warnings.push(
      `signed reasoning was left out: ${issuer} made it, and ${deployment.name} answers`,
    );
  }
  return warnings.length === 0 ? undefined : { request: adapted, warnings };
}

/** Nobody but its issuer can check a signature, and some refuse what they can't check. */
function withoutSignedReasoning(message: Message): Message {
  const parts = message.parts.filter(
    ({ part }) => part.case !== "reasoning" || part.value.signature === undefined,
  );
  return parts.length === message.parts.length ? message : { ...message, parts };
}

function drop(request: GenerateRequest, capability: string): void {
  switch (capability) {
    case "reasoning":
      delete request.reasoning;
      return;
    case "seed": {
      const { seed: _seed, ...sampling } = request.sampling ?? {};
      request.sampling = sampling as NonNullable<GenerateRequest["sampling"]>;
      return;
    }
    case "stop_sequences":
      if (request.sampling !== undefined) {
        request.sampling = { ...request.sampling, stopSequences: [] };
      }
      return;
    default:
      throw new TypeError(`${capability} can't be left out`);
  }
}
