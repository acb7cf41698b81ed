import { clone, create, equals } from "@bufbuild/protobuf";
import { GenerateRequestSchema, TeamSchema } from "@penstock/api";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalBytes } from "./canonical-bytes.ts";
import { computeEtag } from "./etag.ts";

const text = fc.string({ maxLength: 2 });
const anyTeam = fc
  .record({
    name: text,
    labels: fc.dictionary(fc.constantFrom("a", "b"), text, { maxKeys: 2 }),
    owners: fc.array(text, { maxLength: 2 }),
  })
  .map((init) => create(TeamSchema, init));

describe("etags", () => {
  it("depend on the content, not on the order of map entries", () => {
    const team = create(TeamSchema, { name: "teams/a", labels: { x: "1", y: "2" } });
    const same = create(TeamSchema, { name: "teams/a", labels: { y: "2", x: "1" }, etag: "old" });
    expect(computeEtag(TeamSchema, team)).toBe(computeEtag(TeamSchema, same));
    expect(computeEtag(TeamSchema, team)).toMatch(/^[\w-]{16}$/);
    const other = create(TeamSchema, { name: "teams/a", labels: { x: "1", y: "3" } });
    expect(computeEtag(TeamSchema, team)).not.toBe(computeEtag(TeamSchema, other));
  });

  it("differ exactly when the messages do", () => {
    fc.assert(
      fc.property(anyTeam, anyTeam, (a, b) => {
        const same = computeEtag(TeamSchema, a) === computeEtag(TeamSchema, b);
        expect(same).toBe(equals(TeamSchema, a, b));
      }),
    );
  });

  it("do not change the message and sort maps at any depth", () => {
    const parameters = (entries: [string, number][]) =>
      create(GenerateRequestSchema, {
        formatParameters: { f: { inner: Object.fromEntries(entries) } },
      });
    const [a, b] = [
      parameters([
        ["x", 1],
        ["y", 2],
      ]),
      parameters([
        ["y", 2],
        ["x", 1],
      ]),
    ];
    const before = clone(GenerateRequestSchema, b);
    expect(canonicalBytes(GenerateRequestSchema, a)).toEqual(
      canonicalBytes(GenerateRequestSchema, b),
    );
    expect(equals(GenerateRequestSchema, b, before)).toBe(true);
  });
});
