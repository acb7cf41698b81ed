import { estimateOutputTokensFromBytes } from "@penstock/pricing";

/** How much a new observation weighs against what was known. */
const weight = 0.1;
/** Deployments remembered; the oldest is forgotten first. */
const maximumDeployments = 10_000;
/** A provider that packs more tokens into one piece than this is not believed. */
const mostTokensPerDelta = 64;

/**
 * Learns from answers with reported usage how many tokens a deployment packs into one piece of a
 * stream, so that the output of an interrupted stream can be estimated. Until something was learned
 * a piece is one token, which is how most providers stream.
 */
export class OutputCalibration {
  readonly #tokensPerDelta = new Map<string, number>();

  /** Takes a complete stream with reported usage into account. */
  learn(deployment: string, deltas: number, reportedOutputTokens: number): void {
    if (deltas === 0 || reportedOutputTokens === 0) return;
    const seen = Math.min(mostTokensPerDelta, reportedOutputTokens / deltas);
    const known = this.#tokensPerDelta.get(deployment);
    if (known === undefined && this.#tokensPerDelta.size >= maximumDeployments) {
      for (const oldest of this.#tokensPerDelta.keys()) {
        this.#tokensPerDelta.delete(oldest);
        break;
      }
    }
    const learned = known === undefined ? seen : known + weight * (seen - known);
    this.#tokensPerDelta.set(deployment, learned);
  }

  /** Output tokens of a stream of which `deltas` pieces were received. */
  estimateStream(deployment: string, deltas: number): number {
    return Math.round(deltas * (this.#tokensPerDelta.get(deployment) ?? 1));
  }

  /** Output tokens of a whole answer without usage, from the bytes of its text. */
  estimateWhole(textBytes: number): number {
    return estimateOutputTokensFromBytes(textBytes);
  }
}
