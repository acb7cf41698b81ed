import { referencesOf } from "@penstock/snapshot";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { resourceOf } from "../api/sample-resources.ts";
import { ResourceTable } from "./resource-table.ts";

const ids = ["a", "b", "c"];
const id = fc.constantFrom(...ids);
const step = fc.oneof(
  fc.record({ type: fc.constant("team" as const), id }),
  fc.record({ type: fc.constant("project" as const), id, team: id }),
  fc.record({ type: fc.constant("remove" as const), name: id.map((one) => `projects/${one}`) }),
  fc.record({ type: fc.constant("remove" as const), name: id.map((one) => `teams/${one}`) }),
);

describe("the resource table", () => {
  it("always knows who refers to whom and how many there are", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const table = new ResourceTable();
        for (const one of steps) {
          if (one.type === "remove") table.remove(one.name);
          else if (one.type === "team")
            table.put(resourceOf({ team: { name: `teams/${one.id}` } }));
          else {
            const project = { name: `projects/${one.id}`, team: `teams/${one.team}` };
            table.put(resourceOf({ project }));
          }
        }
        const all = [...table.values()];
        for (const collection of ["teams", "projects"]) {
          const counted = all.filter(({ kind }) => kind.collection === collection).length;
          expect(table.countOf(collection)).toBe(counted);
        }
        for (const name of ids.map((one) => `teams/${one}`)) {
          const referrers = all
            .filter(({ resource }) => referencesOf(resource).some((one) => one.name === name))
            .map(({ message }) => message.name);
          expect([...table.referrersOf(name)].toSorted()).toEqual(referrers.toSorted());
        }
      }),
    );
  });
});
