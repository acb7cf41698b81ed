import { GatewayError } from "@penstock/errors";
import { referencesOf } from "@penstock/snapshot";
import type { PlannedChange } from "./intent.ts";
import type { ProblemList } from "./problem-list.ts";
import type { ResourceView } from "./resource-table.ts";

const maxReferrersShown = 20;

/** Nothing may go that another resource, as it will be, still points at. */
export function checkReferrers(
  changes: readonly PlannedChange[],
  view: ResourceView,
  problems: ProblemList,
): void {
  const changed = new Map(changes.map((change) => [change.name, change]));
  const stillRefers = (referrer: string, name: string): boolean => {
    const change = changed.get(referrer);
    if (change === undefined) return true;
    if (change.after === undefined) return false;
    return referencesOf(change.after.resource).some((reference) => reference.name === name);
  };
  for (const { change, name, before, field } of changes) {
    if (change !== "deleted" || before === undefined) continue;
    const referrers = [...view.referrersOf(name)]
      .filter((one) => stillRefers(one, name))
      .toSorted();
    if (referrers.length === 0) continue;
    problems.other(inUse(name, before.kind.collection, referrers), field);
  }
}

/** Collections that no configuration can do without. */
const guarded = ["routes", "virtualKeys"] as const;

/** A manifest that would leave no route or no virtual key is taken for a mistake. */
export function checkNotEmptied(
  changes: readonly PlannedChange[],
  view: ResourceView,
  problems: ProblemList,
): void {
  for (const collection of guarded) {
    let left = view.countOf(collection);
    let deleted = 0;
    for (const { change, before, after } of changes) {
      if ((before ?? after)?.kind.collection !== collection) continue;
      if (change === "created") left += 1;
      if (change === "deleted") deleted += 1;
    }
    if (deleted === 0 || left > deleted) continue;
    const message = `This would delete the last of ${collection}; set allow_empty if it shall.`;
    problems.other(
      new GatewayError("FAILED_PRECONDITION", message, {
        preconditionViolations: [
          { type: "ALLOW_EMPTY", subject: collection, description: "none would be left" },
        ],
        metadata: { collection },
      }),
      "allow_empty",
    );
  }
}

function inUse(name: string, type: string, referrers: readonly string[]): GatewayError {
  const shown = referrers.slice(0, maxReferrersShown);
  const more = referrers.length - shown.length;
  const list = more > 0 ? `${shown.join(", ")} and ${more} more` : shown.join(", ");
  return new GatewayError("RESOURCE_IN_USE", `${name} is referred to by ${list}.`, {
    resource: { type, name },
    preconditionViolations: shown.map((referrer) => ({
      type: "RESOURCE_IN_USE",
      subject: referrer,
      description: `refers to ${name}`,
    })),
    metadata: { resource: name, referrers: String(referrers.length) },
  });
}
