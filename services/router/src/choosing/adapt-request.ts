import type { GenerateRequest, Message } from "@penstock/api";
import type { CompiledTarget } from "@penstock/snapshot";
import type { Served } from "./affinity.ts";
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
  const issuer = issuerOf(context, parts);
  const foreign = issuer !== undefined && isForeign(context, issuer, target);
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
      `signed reasoning was left out: ${issuer.provider} made it, and ${deployment.name} answers`,
    );
  }
  return warnings.length === 0 ? undefined : { request: adapted, warnings };
}

/**
 * Formats whose signatures any vendor of theirs takes back, as the model's maker checks them. What
 * another format signed is left out by who writes the body.
 */
const portable: ReadonlySet<string> = new Set([
  "anthropic-messages",
  "bedrock-converse",
  "google-generate-content",
]);

function isForeign(
  { snapshot }: RequestContext,
  issuer: Served,
  { deployment }: CompiledTarget,
): boolean {
  if (issuer.provider === deployment.provider.name) return false;
  const made = snapshot?.deployments.get(issuer.deployment)?.format ?? deployment.format;
  return made === deployment.format && !portable.has(made);
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
    case "stop_sequences":
      change(request, (sampling) => void (sampling.stopSequences = []));
      return;
    case "seed":
      change(request, (sampling) => void delete sampling.seed);
      return;
    case "logprobs":
      change(request, (sampling) => void delete sampling.topLogprobs);
      return;
    case "top_k":
      change(request, (sampling) => void delete sampling.topK);
      return;
    case "penalties":
      change(request, (sampling) => {
        delete sampling.frequencyPenalty;
        delete sampling.presencePenalty;
      });
      return;
    default:
      throw new TypeError(`${capability} can't be left out`);
  }
}

type Sampling = NonNullable<GenerateRequest["sampling"]>;

/** Changes a copy: the request is the caller's, and other targets get it whole. */
function change(request: GenerateRequest, edit: (sampling: Sampling) => void): void {
  if (request.sampling === undefined) return;
  const sampling = { ...request.sampling };
  edit(sampling);
  request.sampling = sampling;
}
