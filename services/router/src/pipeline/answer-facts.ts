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
  };
}
