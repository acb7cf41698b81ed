import type { Team } from "@penstock/api";

import { checkCount, checkText } from "./check-text.ts";
import type { ProblemList } from "./field-problem.ts";

const maxOwners = 64;
const maxNotificationTargets = 16;
const maxAddressLength = 320;
const maxCostCentreLength = 256;
const notificationSchemes: ReadonlySet<string> = new Set(["mailto", "https", "http"]);
const schemePattern = /^([a-z][a-z0-9+.-]*):./;

/** Checks what only teams have. */
export function checkTeam(problems: ProblemList, team: Team): void {
  if (checkCount(problems, "owners", team.owners.length, maxOwners)) {
    for (const [index, owner] of team.owners.entries()) {
      const bounds = { maxLength: maxAddressLength, required: true };
      checkText(problems, `owners[${index}]`, owner, bounds);
    }
  }
  checkText(problems, "costCentre", team.costCentre, { maxLength: maxCostCentreLength });
  const targets = team.notificationTargets;
  if (!checkCount(problems, "notificationTargets", targets.length, maxNotificationTargets)) return;
  for (const [index, target] of targets.entries()) {
    const field = `notificationTargets[${index}]`;
    if (!checkText(problems, field, target, { maxLength: 2_048, required: true })) continue;
    const scheme = schemePattern.exec(target)?.[1] ?? "";
    if (!notificationSchemes.has(scheme)) {
      problems.invalid(field, "must begin with mailto:, https: or http:");
    }
  }
}
