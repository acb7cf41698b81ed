import type { Project } from "@penstock/api";

import { checkReferenceForm } from "./check-scope.ts";
import type { ProblemList } from "./field-problem.ts";

/** Checks what only projects have. */
export function checkProject(problems: ProblemList, project: Project): void {
  checkReferenceForm(problems, "team", project.team, "team");
}
