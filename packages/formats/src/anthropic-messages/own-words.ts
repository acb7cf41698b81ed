import type { FormatPart } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import type { JsonObject } from "../format.ts";

/** Name of the format, as parts that only it has words for carry it. */
export const formatName = "anthropic-messages";

/** Something that only this format has words for. */
export function formatPart(content: Record<string, unknown>): FormatPart {
  return {
    $typeName: "penstock.inference.v1.FormatPart",
    format: formatName,
    content: content as JsonObject,
  };
}

/** The content of a part where it is in the words of this format; undefined for any other. */
export function ownContent(part: FormatPart | undefined): JsonObject | undefined {
  return part?.format === formatName ? part.content : undefined;
}

/** UNSUPPORTED_FIELD about something that the Messages API has no words for. */
export function cannotSay(path: string, what: string): GatewayError {
  const description = `is ${what}, which a target of format ${formatName} can't be sent`;
  return new GatewayError("UNSUPPORTED_FIELD", `The field ${path} ${description}.`, {
    fieldViolations: [{ field: path, description, reason: "UNSUPPORTED_FIELD" }],
  });
}
