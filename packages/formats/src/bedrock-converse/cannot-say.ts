import { GatewayError } from "@penstock/errors";

/** UNSUPPORTED_FIELD about something that the Converse API has no words for. */
export function cannotSay(path: string, what: string): GatewayError {
  const description = `is ${what}, which a target of format bedrock-converse can't be sent`;
  return new GatewayError("UNSUPPORTED_FIELD", `The field ${path} ${description}.`, {
    fieldViolations: [{ field: path, description, reason: "UNSUPPORTED_FIELD" }],
  });
}
