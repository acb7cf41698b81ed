import { GatewayError } from "@penstock/errors";

/** FIELD_INVALID about the body as a whole, or about one field of it. */
export function invalidBody(field: string, problem: string): GatewayError {
  const subject = field === "" ? "The request body" : `The field ${field}`;
  return new GatewayError("FIELD_INVALID", `${subject} ${problem}.`, {
    fieldViolations: [{ field, description: problem, reason: "FIELD_INVALID" }],
  });
}
