import type { ConfigEntry, ConfigHead } from "@penstock/api";
import { createMemoryBus } from "@penstock/bus";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { Candidate } from "./candidate.ts";
import { Publisher, deletion, routeEntry } from "./publisher.fixture.ts";

interface Revision {
  readonly entries: readonly ConfigEntry[];
  readonly head: ConfigHead;
  /** What a whole snapshot of the revision shows. */
  readonly routes: Readonly<Record<string, string>>;
}

/** Revision 1 is the base; each further one changes or deletes the given routes. */
function makeHistory(
  steps: readonly (readonly (readonly [id: number, gone: boolean])[])[],
): Revision[] {
  const publisher = new Publisher(createMemoryBus().config);
  const history: Revision[] = [];
  const routes: Record<string, string> = {};
  for (const [index, step] of [[], ...steps].entries()) {
    const revision = index + 1;
    const entries = index === 0 ? publisher.base(1) : [];
    for (const [id, gone] of step) {
      const name = `routes/r${id}`;
      entries.push(
        gone ? deletion(revision, name) : routeEntry(revision, `r${id}`, [`m${revision}`]),
      );
      if (gone) delete routes[name];
      else routes[name] = `m${revision}`;
    }
    for (const made of entries) publisher.keep(made);
    history.push({ entries, head: publisher.head(revision), routes: { ...routes } });
  }
  return history;
}

describe("Candidate", () => {
  it("adopts whole revisions only, whatever is lost, repeated or out of order", () => {
    const step = fc.uniqueArray(fc.tuple(fc.nat(4), fc.boolean()), {
      selector: ([id]) => id,
      minLength: 1,
      maxLength: 3,
    });
    const deliveries = fc.array(fc.tuple(fc.nat(8), fc.nat(9)), { maxLength: 60 });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 8 }), deliveries, (steps, order) => {
        const history = makeHistory(steps);
        const candidate = new Candidate();
        let highest = 0n;
        for (const [which, what] of order) {
          const revision = history[which % history.length]!;
          const { entries, head } = revision;
          const entry = entries[what];
          if (entry !== undefined && what < 3) candidate.receive(entry);
          else if (what < 6) for (const each of entries) candidate.receive(each);
          else {
            const outcome = candidate.consider(head);
            if (outcome.kind !== "adopt") continue;
            candidate.adopt(outcome.next);
            expect(head.revision).toBeGreaterThan(highest);
            highest = head.revision;
            const shown = [...outcome.next.snapshot.routes].map(([name, { models }]) => [
              name,
              models[0],
            ]);
            expect(Object.fromEntries(shown)).toEqual(revision.routes);
          }
        }
        const last = history.at(-1)!;
        const live = new Map<string, ConfigEntry>();
        for (const each of history.flatMap(({ entries }) => entries)) {
          if (each.resource === undefined) live.delete(each.name);
          else live.set(each.name, each);
        }
        const end = candidate.considerAll(last.head, [...live.values()]);
        expect(end.kind).toBe(highest === last.head.revision ? "ignore" : "adopt");
      }),
      { numRuns: 200 },
    );
  });
});
