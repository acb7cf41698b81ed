import { findFunctions } from "../source/find-functions.ts";
import type { Project, SourceFile } from "../source/project.ts";
import type { Violation } from "../violation.ts";

const softFileLines = 250;
const hardFileLines = 400;
const hardFunctionLines = 70;
// The formatter aims at 100; what it cannot break may be a little longer.
const hardLineLength = 110;

function linesOf(file: SourceFile): number {
  return file.original.split("\n").length - (file.original.endsWith("\n") ? 1 : 0);
}

/** No file is longer than 400 lines. */
export function fileLengthRule(project: Project): Violation[] {
  return project.sources
    .filter((file) => linesOf(file) > hardFileLines)
    .map((file) => ({
      rule: "file-length",
      path: file.path,
      message: `${linesOf(file)} lines, at most ${hardFileLines} → one concept per file: split it`,
    }));
}

/** Files above 250 lines, longest first: worth a thought, not an error. */
export function longFiles(project: Project): string[] {
  return project.sources
    .filter((file) => linesOf(file) > softFileLines)
    .toSorted((left, right) => linesOf(right) - linesOf(left))
    .map((file) => `${linesOf(file)} lines  ${file.path}`);
}

/** No function is longer than 70 lines; blocks of describe and it in tests are no functions. */
export function functionLengthRule(project: Project): Violation[] {
  return project.sources
    .filter((file) => !file.isTest && !file.path.includes("/conformance/"))
    .flatMap((file) =>
      findFunctions(file.code)
        .map((one) => ({ ...one, length: one.endLine - one.startLine + 1 }))
        .filter((one) => one.length > hardFunctionLines)
        .map((one) => ({
          rule: "function-length",
          path: file.path,
          line: one.startLine,
          message: `${one.name}: ${one.length} lines, at most ${hardFunctionLines} → split it`,
        })),
    );
}

/** No line of code or comment is longer than 110 characters, long strings and imports aside. */
export function lineLengthRule(project: Project): Violation[] {
  return project.sources.flatMap((file) => {
    const codeLines = file.code.split("\n");
    const commentLines = file.comments.split("\n");
    return file.original.split("\n").flatMap((text, index) => {
      const ownLength = `${codeLines[index] ?? ""}${commentLines[index] ?? ""}`.replaceAll(
        / {2,}/g,
        " ",
      );
      const isExempt = /^(?:import|export|\} from) /.test(text) || text.includes("://");
      if (text.length <= hardLineLength || isExempt || ownLength.length <= hardLineLength)
        return [];
      const message = `${text.length} characters, at most ${hardLineLength} → break it`;
      return [{ rule: "line-length", path: file.path, line: index + 1, message }];
    });
  });
}
