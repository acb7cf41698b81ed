import type { Deployment } from "@penstock/api";

import { checkCapabilities } from "./check-capabilities.ts";
import { checkModelName, checkReferenceForm } from "./check-scope.ts";
import { checkRange, checkText } from "./check-text.ts";
import { checkTimeouts } from "./check-timeouts.ts";
import type { ProblemList } from "./field-problem.ts";

const maxRegionLength = 64;
const maxFormatLength = 64;
const maxVectorSpaceLength = 256;
/** As many as a usage record may count; more tokens in one answer are not believed. */
const maxTokens = 100_000_000;

/** Checks what only deployments have. */
export function checkDeployment(problems: ProblemList, deployment: Deployment): void {
  checkReferenceForm(problems, "provider", deployment.provider, "provider");
  checkModelName(problems, "model", deployment.model);
  checkText(problems, "format", deployment.format ?? "", { maxLength: maxFormatLength });
  checkText(problems, "region", deployment.region, { maxLength: maxRegionLength });
  const { vectorSpace } = deployment;
  checkText(problems, "vectorSpace", vectorSpace, { maxLength: maxVectorSpaceLength });
  if (deployment.priceBook !== "") {
    checkReferenceForm(problems, "priceBook", deployment.priceBook, "priceBook");
  }
  checkCapabilities(problems, deployment.capabilities);
  const { defaultMaxOutputTokens, maxConcurrentRequests } = deployment;
  checkRange(problems, "defaultMaxOutputTokens", defaultMaxOutputTokens, [1, maxTokens]);
  checkRange(problems, "maxConcurrentRequests", maxConcurrentRequests, [1, 10_000]);
  checkTimeouts(problems, deployment.timeouts);
}
