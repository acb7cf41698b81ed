import type { ErrorReason, GatewayError } from "@penstock/errors";

/**
 * An error as `-o json` prints it. The names are those that the details of an error have in the
 * answers of the control services (google.rpc); what an error does not have is left out.
 */
export interface ErrorObject {
  readonly reason: ErrorReason;
  readonly message: string;
  /** Of the command. */
  readonly exitCode: number;
  readonly requestId?: string;
  /** Seconds, such as `1.5s`. */
  readonly retryDelay?: string;
  readonly resource?: GatewayError["resource"];
  readonly fieldViolations?: GatewayError["fieldViolations"];
  readonly quotaViolations?: readonly object[];
  readonly preconditionViolations?: GatewayError["preconditionViolations"];
  readonly metadata?: GatewayError["metadata"];
}

/** Makes the object of an error; the message is what people are told. */
export function errorObject(error: GatewayError, message: string, exitCode: number): ErrorObject {
  const { reason, requestId, retryAfterMs, resource, metadata } = error;
  return {
    reason,
    message,
    exitCode,
    ...(requestId === undefined || requestId === "" ? {} : { requestId }),
    ...(retryAfterMs === undefined ? {} : { retryDelay: `${retryAfterMs / 1_000}s` }),
    ...(resource === undefined ? {} : { resource }),
    ...listed("fieldViolations", error.fieldViolations),
    ...listed("quotaViolations", error.quotaViolations.map(withResetTime)),
    ...listed("preconditionViolations", error.preconditionViolations),
    ...(Object.keys(metadata).length === 0 ? {} : { metadata }),
  };
}

function listed(name: string, members: readonly object[]): Record<string, readonly object[]> {
  return members.length === 0 ? {} : { [name]: members };
}

function withResetTime({
  resetTimeMs,
  ...violation
}: GatewayError["quotaViolations"][number]): object {
  if (resetTimeMs === undefined) return violation;
  return { ...violation, resetTime: new Date(resetTimeMs).toISOString() };
}
