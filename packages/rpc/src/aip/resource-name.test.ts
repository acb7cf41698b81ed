import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  collections,
  expectResourceName,
  formatResourceName,
  isResourceId,
  parseResourceName,
} from "./resource-name.ts";

describe("resource names", () => {
  const id = fc.stringMatching(/^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/);

  it("are written and read alike in every collection", () => {
    fc.assert(
      fc.property(fc.constantFrom(...collections), id, id, (collection, own, project) => {
        const name =
          collection === "virtualKeys" ? { collection, project, id: own } : { collection, id: own };
        const written = formatResourceName(name);
        expect(parseResourceName(written)).toEqual(name);
        expect(expectResourceName(written, collection, "name")).toEqual(name);
      }),
    );
  });

  it.each([
    "",
    "routes",
    "routes/",
    "routes/Smart",
    "routes/a-",
    "routes/-",
    "routes/a/b",
    "routes/a/virtualKeys/b",
    "virtualKeys/a",
    "projects/a/virtualKeys/b/c",
    "projects/a/virtualKeys",
    "projects/a/keys/b",
    "unknown/a",
    `routes/${"a".repeat(64)}`,
    "routes/a\n",
  ])("are not %j", (name) => {
    expect(parseResourceName(name)).toBeUndefined();
  });

  it("of another collection are refused by field", () => {
    expect(isResourceId("a".repeat(63))).toBe(true);
    expect(() => expectResourceName("teams/a", "projects", "project.name")).toThrow(
      "The field project.name must be projects/<id>, where an id is 1 to 63 of a-z, 0-9 and ",
    );
  });
});
