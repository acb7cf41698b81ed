import type { CountTokensResponse } from "@penstock/api";
import type { GatewayError } from "@penstock/errors";
import type { AnswerEnd } from "@penstock/formats";
import type { AnswerFacts, RelayedText, WholeAnswer } from "./downstream.ts";

/** How the attempts of a request ended. */
export type RequestEnd =
  | { readonly kind: "answered"; readonly answer: WholeAnswer; readonly facts: AnswerFacts }
  | { readonly kind: "relayed"; readonly answer: RelayedText; readonly facts: AnswerFacts }
  | { readonly kind: "finished"; readonly end: AnswerEnd }
  | { readonly kind: "counted"; readonly count: CountTokensResponse }
  | { readonly kind: "failed"; readonly error: GatewayError }
  | { readonly kind: "cancelled" };

/** Who hears, once, how the attempts of a request ended. */
export interface AttemptsListener {
  onAttemptsEnded(end: RequestEnd): void;
}
