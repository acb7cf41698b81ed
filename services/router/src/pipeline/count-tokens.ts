import { UsageSource } from "@penstock/api";
import type { CountTokensResponse, GenerateRequest } from "@penstock/api";
import type { GatewayError } from "@penstock/errors";
import type { Snapshot } from "@penstock/snapshot";
import { authenticate } from "./authenticate.ts";
import { enforcePolicies } from "./enforce-policies.ts";
import { estimate } from "./estimate-usage.ts";
import { noTargetError } from "./no-target-error.ts";
import type { PipelineParts } from "./pipeline-parts.ts";
import { planForContext } from "./plan-for-context.ts";
import { quietRequest } from "./quiet-request.ts";
import { resolveRoute } from "./resolve-route.ts";

/** A request whose tokens are to be counted. */
export interface CountedRequest {
  readonly snapshot: Snapshot | undefined;
  /** The bearer secret as sent; empty when none was. */
  readonly token: string;
  readonly request: GenerateRequest;
  /** Size of the message or body that it came in. Unit: bytes. */
  readonly sizeBytes: number;
}

/**
 * The tokens of a request's input, estimated from its size as they are when a request is reserved,
 * for the deployment that would be asked first. Refuses what `Generate` would refuse before it
 * reserves. Nothing is sent or recorded.
 */
export function countTokens(
  { snapshot, token, request, sizeBytes }: CountedRequest,
  parts: PipelineParts,
): CountTokensResponse | GatewayError {
  const context = quietRequest(snapshot, token, parts);
  context.request = request;
  context.requestBytes = sizeBytes;
  const refusal =
    authenticate(context, parts) ??
    resolveRoute(context, parts.clock.monotonicMs()) ??
    enforcePolicies(context) ??
    estimate(context);
  if (refusal !== undefined) return refusal;
  const plan = planForContext(context, parts);
  const deployment = plan.targets[0]?.deployment;
  if (deployment === undefined) return noTargetError(context, plan, parts.clock);
  return {
    $typeName: "penstock.inference.v1.CountTokensResponse",
    inputTokens: BigInt(context.estimate?.inputTokens ?? 0),
    source: UsageSource.ESTIMATED,
    route: context.route?.name ?? "",
    deployment: deployment.name,
    provider: deployment.provider.name,
    model: deployment.model,
  };
}
