import { connectionCauseOf } from "@penstock/errors";
import type { TransportCause, TransportFailure } from "./upstream-call.ts";

/** How far a call had come when it failed. */
export type CallPhase = "connecting" | "sent" | "answering";

/** Code of the error that refuses an address. */
export const addressRefusedCode = "PENSTOCK_ADDRESS_REFUSED";

const classes: Readonly<Record<string, TransportFailure["class"]>> = {
  UND_ERR_CONNECT_TIMEOUT: "TIMEOUT_CONNECT",
};

function causeOf(code: string, phase: CallPhase): TransportCause | undefined {
  if (code === addressRefusedCode) return "address_refused";
  return connectionCauseOf(code) ?? (phase === "sent" ? "connection_dropped" : undefined);
}

const sentences: Record<CallPhase, string> = {
  connecting: "no connection to the provider could be made",
  sent: "the connection to the provider broke before its answer",
  answering: "the connection to the provider broke within its answer",
};

/** Code of an error, looking into its causes; empty: none. */
function codeOf(error: unknown): string {
  for (let depth = 0, at = error; depth < 4 && at instanceof Error; depth += 1, at = at.cause) {
    const code = "code" in at ? at.code : undefined;
    if (typeof code === "string" && /^[A-Z][A-Za-z0-9_]{0,63}$/.test(code)) return code;
    if (at instanceof AggregateError) return codeOf(at.errors[0]);
  }
  return "";
}

/** Judges an error by its code and by how far the call had come; its text is never looked at. */
export function classifyTransportError(error: unknown, phase: CallPhase): TransportFailure {
  const code = codeOf(error);
  const sentBytes = phase !== "connecting";
  const message = code === "" ? sentences[phase] : `${sentences[phase]} (${code})`;
  const known = code.startsWith("ANSWER_") ? "MALFORMED" : classes[code];
  if (known !== undefined) return { class: known, message, sentBytes };
  if (phase === "connecting" && code === "ETIMEDOUT") {
    return { class: "TIMEOUT_CONNECT", message, sentBytes };
  }
  if (phase === "answering") return { class: "STREAM_BROKEN", message, sentBytes };
  const cause = causeOf(code, phase);
  return { class: "CONNECTION", message, sentBytes, cause, code: code === "" ? undefined : code };
}
