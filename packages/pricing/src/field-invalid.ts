import { GatewayError } from "@penstock/errors";

/** Makes (does not throw) the FIELD_INVALID error that names one field and says what it must be. */
export function fieldInvalid(field: string, description: string): GatewayError {
  return new GatewayError("FIELD_INVALID", `${field}: ${description}`, {
    fieldViolations: [{ field, description }],
  });
}
