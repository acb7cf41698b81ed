import { lineAt } from "../source/scan-imports.ts";
import { splitSource } from "../source/split-source.ts";
import type { Project, SourceFile } from "../source/project.ts";
import type { Violation } from "../violation.ts";

interface Finding {
  readonly text: string;
  readonly position: number;
}

function find(text: string, pattern: RegExp): Finding[] {
  return [...text.matchAll(pattern)].map((match) => ({ text: match[0], position: match.index }));
}

// Written in pieces, so that this file does not trip over itself.
const laterWords = new RegExp(
  String.raw`\b(?:${["TODO", "FIXME", "HACK", "XXX"].join("|")})\b`,
  "g",
);
const silencers =
  /@ts-(?:ignore|expect-error|nocheck)|\b(?:oxlint|eslint)-disable(?!-next-line \S)/g;
const anyType = /\bas any\b|(?<=[\w)\]?]): any\b|<any>|\bany\[\]/g;
const environment = /\bprocess\.env\b/g;

/**
 * Comments promise nothing for later; no value is of type any; no tool is silenced, except the
 * linter for one named rule on one line.
 */
export function bannedWordsRule(project: Project): Violation[] {
  const handwritten = project.sources.flatMap((file) => [
    ...report("banned-words", file, find(file.comments, laterWords), "do it now or open an issue"),
    ...report(
      "banned-words",
      file,
      find(file.comments, silencers),
      "mend what the tool complains of",
    ),
    ...report("banned-words", file, find(file.code, anyType), "use unknown and narrow it"),
  ]);
  const contracts = [...project.files]
    .filter(([path]) => path.startsWith("proto/penstock/") && path.endsWith(".proto"))
    .flatMap(([path, text]) => {
      const file = { ...splitSource(text), path };
      const findings = find(file.comments, laterWords);
      return report("banned-words", file, findings, "do it now or open an issue");
    });
  return [...handwritten, ...contracts];
}

const mayReadEnvironment = /^(?:packages\/runtime\/src\/env(?:\.test)?\.ts$|test\/)|\.mjs$/;

/** One file reads the environment, so that all settings are checked in one way. */
export function environmentRule(project: Project): Violation[] {
  return project.sources
    .filter((file) => !mayReadEnvironment.test(file.path))
    .flatMap((file) =>
      report(
        "environment",
        file,
        find(file.code, environment),
        "readEnvironment of @penstock/runtime",
      ),
    );
}

/** `requestId` as a field of a line of the log; what merely has the name as a value is fine. */
const camelCaseIds =
  /\b(?:debug|info|warn|error)\((?:[^(){}]|\([^()]*\))*\{(?:[^{}]*,)?\s*(?:requestId|traceId)\s*[,:}]/g;
const servesLogs = /^(?:packages|services)\//;

/** The ids that lines of all services are found by have one name in all of them. */
export function logFieldRule(project: Project): Violation[] {
  return project.sources
    .filter((file) => servesLogs.test(file.path) && !file.isTest)
    .flatMap((file) =>
      report(
        "log-fields",
        file,
        find(file.code, camelCaseIds),
        "request_id and trace_id, as in every other line",
      ),
    );
}

function report(
  rule: string,
  file: Pick<SourceFile, "path" | "original">,
  findings: readonly Finding[],
  advice: string,
): Violation[] {
  return findings.map(({ text, position }) => ({
    rule,
    path: file.path,
    line: lineAt(file.original, position),
    message: `"${text}" → ${advice}`,
  }));
}
