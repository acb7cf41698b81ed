import { finishWarning } from "@penstock/formats";
import type { AnswerEnd } from "@penstock/formats";
import type { RequestContext } from "./request-context.ts";

/** Notes where the caller's format has no word for how the answer ended; gRPC has one for all. */
export function warnOfFinish({ callerFormat }: RequestContext, end: AnswerEnd): void {
  if (callerFormat === undefined) return;
  for (const finish of end.candidates) {
    const warning = finishWarning(callerFormat, finish);
    if (warning !== undefined && !end.warnings.includes(warning)) end.warnings.push(warning);
  }
}
