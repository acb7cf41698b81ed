import { isErrorReason, retryOf } from "@penstock/errors";
import type { ErrorReason } from "@penstock/errors";
import type { Transcript, TranscriptError } from "../callers/transcript.ts";
import type { Broken } from "./broken.ts";

/** I4: a transcript has one vendor and one end. I8: its error says what to do. */
export function checkTranscript(transcript: Transcript): Broken[] {
  const { requestId, door, status, providers, wentOn, end, error } = transcript;
  const name = `${door} request ${requestId} (status ${status})`;
  const broken: Broken[] = [];
  const note = (invariant: Broken["invariant"], what: string): void => {
    broken.push({ invariant, what: `${name}: ${what}` });
  };
  if (new Set(providers).size > 1) note("I4", `content of ${providers.join(" and ")}`);
  if (wentOn) note("I4", "something followed its end");
  if (end === "cut") note("I4", "ended without an end mark and without an error");
  if (requestId === "") note("I8", "no request id");
  if (error === undefined) return broken;
  if (!isErrorReason(error.reason)) note("I8", `"${error.reason}" is no reason`);
  else if (isDelayed(error.reason, error) && error.retryAfterMs === undefined) {
    note("I8", `${error.reason} without a delay`);
  }
  return broken;
}

/** Whether the error must say how long to wait. */
function isDelayed(reason: ErrorReason, { metadata }: TranscriptError): boolean {
  return retryOf({ reason, metadata }) === "later";
}
