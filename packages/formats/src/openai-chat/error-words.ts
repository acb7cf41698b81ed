import { isJsonObject } from "../read-json.ts";

/** Problems that are told of a list; more help nobody. */
const mostProblems = 8;

/**
 * The words of an error: a text, or the list `detail` in which servers made with FastAPI say what is
 * wrong with a body (Mistral, vLLM), also where it stands inside of the message.
 */
export function errorWords(message: unknown, detail: unknown): string {
  if (typeof message === "string" && message !== "") return message;
  const said = isJsonObject(message) ? message["detail"] : detail;
  if (typeof said === "string") return said;
  if (!Array.isArray(said)) return "";
  return said.slice(0, mostProblems).map(problemWords).filter(Boolean).join("; ");
}

function problemWords(problem: unknown): string {
  if (!isJsonObject(problem) || typeof problem["msg"] !== "string") return "";
  const { loc, msg } = problem;
  const place = Array.isArray(loc) ? loc.filter(isStep).join(".") : "";
  return place === "" ? msg : `${place}: ${msg}`;
}

function isStep(step: unknown): step is string | number {
  return typeof step === "string" || typeof step === "number";
}
