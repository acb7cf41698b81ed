import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { errorPage, explanations, reasons } from "@penstock/errors";
import type { ErrorReason } from "@penstock/errors";

/** The pages about errors by file name, as they shall be. */
export function errorPages(): Map<string, string> {
  const pages = new Map<string, string>();
  const names = (Object.keys(reasons) as ErrorReason[]).toSorted();
  for (const reason of names) pages.set(fileOf(reason), errorPage(reason));
  pages.set("README.md", indexOf(names));
  return pages;
}

/** The pages that are there. */
export function readErrorPages(root: string): Map<string, string> {
  try {
    const names = readdirSync(folderOf(root)).filter((name) => name.endsWith(".md"));
    return new Map(names.map((name) => [name, readFileSync(join(folderOf(root), name), "utf8")]));
  } catch {
    return new Map();
  }
}

/** Writes all pages and removes those of reasons that are no more. */
export function writeErrorPages(root: string): void {
  const pages = errorPages();
  mkdirSync(folderOf(root), { recursive: true });
  for (const name of readErrorPages(root).keys()) {
    if (!pages.has(name)) rmSync(join(folderOf(root), name));
  }
  for (const [name, text] of pages) writeFileSync(join(folderOf(root), name), text);
}

/** One line per page that is missing, left over or different; empty when all are up to date. */
export function compareErrorPages(
  actual: ReadonlyMap<string, string>,
  expected: ReadonlyMap<string, string>,
): string[] {
  const problems = [...expected].flatMap(([name, text]) => {
    if (!actual.has(name)) return [`deploy/errors/${name} is missing`];
    return actual.get(name) === text ? [] : [`deploy/errors/${name} differs from packages/errors`];
  });
  const leftOver = [...actual.keys()]
    .filter((name) => !expected.has(name))
    .map((name) => `deploy/errors/${name} has no reason any more`);
  return [...problems, ...leftOver];
}

function folderOf(root: string): string {
  return join(root, "deploy", "errors");
}

function fileOf(reason: ErrorReason): string {
  return `${reason}.md`;
}

function indexOf(names: readonly ErrorReason[]): string {
  const rows = names.map((reason) => {
    const { httpStatus, blame } = reasons[reason];
    const { cause } = explanations[reason];
    return `- [${reason}](${fileOf(reason)}) (${httpStatus}, ${blame}): ${cause}`;
  });
  const head = [
    "# Errors",
    "",
    "One page per reason, generated from `packages/errors` by `npm run generate`. Every gateway serves",
    "them at `/errors`, and every error names its page as a path there: over HTTP in the header",
    "`x-penstock-help` and, where the format has room, as `help` in the body; in gRPC as the link of",
    "`google.rpc.Help`. The router's HTTP port and the ports of control and administration have them.",
    "",
  ];
  return [...head, ...rows, ""].join("\n");
}
