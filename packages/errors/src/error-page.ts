import { Code } from "@penstock/api";
import { explanations } from "./explanations.ts";
import { isErrorReason, reasons } from "./reasons.ts";
import type { Blame, ErrorReason, Retry } from "./reasons.ts";

const folder = "/errors";

const blames: Record<Blame, string> = {
  caller: "the caller",
  policy: "the rules that an administrator set",
  quota: "a limit or budget that an administrator set",
  provider: "the provider",
  gateway: "Penstock, or what it runs on",
};

const retries: Record<Retry, string> = {
  never: "no: the same request fails the same way",
  same: "yes, the same request",
  later: "yes, after the wait that the error names",
};

/**
 * Where the page about a reason is found: a path of every port of the gateway that speaks HTTP, as
 * only its users know by which address they reach it.
 */
export function helpPath(reason: ErrorReason): string {
  return `${folder}/${reason}`;
}

/** What a gateway tells at a path about its errors, in Markdown; undefined: it is no such path. */
export function findErrorPage(path: string): string | undefined {
  if (!path.startsWith(folder)) return undefined;
  const name = path.slice(folder.length);
  if (name === "" || name === "/") return listOfPages();
  const reason = name.slice(1).replace(/\.md$/, "");
  return name.startsWith("/") && isErrorReason(reason) ? errorPage(reason) : undefined;
}

function listOfPages(): string {
  const names = (Object.keys(reasons) as ErrorReason[]).toSorted();
  const rows = names.map((reason) => `- ${helpPath(reason)}: ${explanations[reason].cause}`);
  return ["# Errors", "", ...rows, ""].join("\n");
}

/** What a person reads of a reason, in Markdown. */
export function errorPage(reason: ErrorReason): string {
  const { grpcCode, httpStatus, retry, blame } = reasons[reason];
  const { cause, steps } = explanations[reason];
  const code = Object.entries(Code).find(([, value]) => value === grpcCode)?.[0] ?? "UNKNOWN";
  return [
    `# ${reason}`,
    "",
    cause,
    "",
    `- Whose doing: ${blames[blame]}`,
    `- HTTP status: ${httpStatus}`,
    `- gRPC code: ${code}`,
    `- Does asking again help: ${retries[retry]}`,
    "",
    "## What to do",
    "",
    ...steps.map((step) => `- ${step}`),
    "",
  ].join("\n");
}
