import type { ErrorReason, FieldViolation } from "@penstock/errors";
import { GatewayError } from "@penstock/errors";

/**
 * What a command ends with: done; tried, and refused or failed; wrong command line or setting, so
 * that nothing was tried; nobody answered.
 */
export const exitCodes = { done: 0, failed: 1, usage: 2, notReachable: 3 } as const;

/** What a command itself has to say of its failure: its sentence alone is told to people. */
export class CommandError extends GatewayError {
  readonly exitCode: number;

  constructor(
    reason: ErrorReason,
    message: string,
    options: { readonly exitCode: number; readonly fieldViolations?: readonly FieldViolation[] },
  ) {
    super(reason, message, { fieldViolations: options.fieldViolations });
    this.exitCode = options.exitCode;
  }
}

/** A command that was called wrongly; the message says how it is meant. Ends with exit code 2. */
export class UsageError extends CommandError {
  constructor(message: string) {
    super("FIELD_INVALID", message, { exitCode: exitCodes.usage });
    this.name = "UsageError";
  }
}
