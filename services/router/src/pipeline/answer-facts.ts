import { headerRules } from "@penstock/formats";
import type { AttemptRun } from "./attempt-run.ts";
import type { AnswerFacts } from "./downstream.ts";

/** Who answers; `model` is the caller's name for it. */
export function answerFacts(run: AttemptRun, model: string): AnswerFacts {
  const { deployment } = run.target;
  return {
    responseId: run.responseId,
    model,
    upstreamModel: run.responseModel === "" ? deployment.model : run.responseModel,
    provider: deployment.provider.name,
    deployment: deployment.name,
    attempt: run.number,
    passed: passedOf(run),
  };
}

/** Longest value that is passed on; what passes are numbers and short words. */
const longestValue = 256;

function passedOf(run: AttemptRun): AnswerFacts["passed"] {
  const { format } = run.target.deployment;
  let headers: string[] | undefined;
  for (const name of headerRules(format).toCaller) {
    const value = run.answerHeader(name);
    if (value === undefined || value.length > longestValue || !sendable.test(value)) continue;
    headers ??= [];
    headers.push(name, value);
  }
  return headers && { format, headers };
}

const sendable = /^[\x20-\x7e]+$/;
