import type { IncomingHttpHeaders } from "node:http";
import { headerRules } from "@penstock/formats";
import type { Format } from "@penstock/formats";
import type { RequestContext } from "../pipeline/request-context.ts";

/** Longest name of a session. Unit: characters. */
const longestSession = 128;
/** Longest value of a header that is passed on; a list of betas has a few hundred characters. */
const longestValue = 2_048;
const sendable = /^[\x20-\x7e]+$/;

/** Takes from a caller's headers what the format gives a meaning; everything else stays behind. */
export function noteHeaders(
  context: RequestContext,
  headers: IncomingHttpHeaders,
  format: Format,
): void {
  const { toTarget, session } = headerRules(format.name);
  for (const name of session) {
    const value = headers[name];
    if (typeof value !== "string" || !sendable.test(value)) continue;
    context.session = value.slice(0, longestSession);
    break;
  }
  if (toTarget.length === 0) return;
  const passed: string[] = [];
  for (const name of toTarget) {
    const value = headers[name];
    const fits = typeof value === "string" && value.length <= longestValue && sendable.test(value);
    if (fits) passed.push(name, value);
  }
  context.passedHeaders = passed;
}
