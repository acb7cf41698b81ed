import { GatewayError } from "@penstock/errors";
import { formatName } from "./format-name.ts";

/** UNSUPPORTED_FIELD about something that generateContent has no words for. */
export function cannotSay(path: string, what: string): GatewayError {
  const description = `is ${what}, which a target of format ${formatName} can't be sent`;
  return new GatewayError("UNSUPPORTED_FIELD", `The field ${path} ${description}.`, {
    fieldViolations: [{ field: path, description, reason: "UNSUPPORTED_FIELD" }],
  });
}
