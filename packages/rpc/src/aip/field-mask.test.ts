import { clone, create, equals } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { GenerateRequestSchema, TeamSchema } from "@penstock/api";
import type { GatewayError } from "@penstock/errors";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { applyFieldMask } from "./field-mask.ts";

const text = fc.string({ maxLength: 20 });
const anyTeam = fc
  .record({
    name: text,
    displayName: text,
    labels: fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), text, { maxKeys: 5 }),
    owners: fc.array(text, { maxLength: 4 }),
    costCentre: text,
    createTime: fc.option(fc.record({ seconds: fc.bigInt(0n, 4_000_000_000n) }), {
      nil: undefined,
    }),
  })
  .map(({ createTime, ...init }) =>
    create(TeamSchema, createTime === undefined ? init : { ...init, createTime }),
  );
const teamFields = TeamSchema.fields.map((field) => field.name);

function reasonOf(run: () => unknown): string | undefined {
  try {
    run();
  } catch (error) {
    return (error as GatewayError).reason;
  }
  return undefined;
}

describe("field masks", () => {
  it("with * give the update, and without paths its populated fields", () => {
    fc.assert(
      fc.property(anyTeam, anyTeam, (current, update) => {
        const all = applyFieldMask(TeamSchema, current, update, { paths: ["*"] });
        expect(equals(TeamSchema, all, update)).toBe(true);
        const set = reflect(TeamSchema, update);
        const implied = set.fields.filter((field) => set.isSet(field)).map(({ name }) => name);
        const merged = applyFieldMask(TeamSchema, current, update, undefined);
        const explicit = applyFieldMask(TeamSchema, current, update, { paths: implied });
        expect(equals(TeamSchema, merged, implied.length === 0 ? current : explicit)).toBe(true);
      }),
    );
  });

  it("change the masked fields, no others, and nothing the second time", () => {
    const paths = fc.uniqueArray(fc.constantFrom(...teamFields), { minLength: 1 });
    fc.assert(
      fc.property(anyTeam, anyTeam, paths, (current, update, chosen) => {
        const before = clone(TeamSchema, current);
        const result = applyFieldMask(TeamSchema, current, update, { paths: chosen });
        for (const { localName, name } of TeamSchema.fields) {
          const source = chosen.includes(name) ? update : current;
          const key = localName as "labels";
          expect(result[key]).toEqual(source[key]);
        }
        const again = applyFieldMask(TeamSchema, result, update, { paths: chosen });
        expect(equals(TeamSchema, again, result)).toBe(true);
        expect(equals(TeamSchema, current, before)).toBe(true);
      }),
    );
  });

  it("go into messages and to keys of maps", () => {
    const current = create(GenerateRequestSchema, {
      sampling: { temperature: 1, topK: 3 },
      labels: { a: "1", b: "2" },
    });
    const update = create(GenerateRequestSchema, { sampling: { topP: 0.5 }, labels: { a: "9" } });
    const paths = ["sampling.top_p", "sampling.top_k", "labels.a", "labels.b", "reasoning.effort"];
    const result = applyFieldMask(GenerateRequestSchema, current, update, { paths });
    expect(result.sampling).toMatchObject({ temperature: 1, topP: 0.5 });
    expect(result.sampling?.topK).toBeUndefined();
    expect(result.labels).toEqual({ a: "9" });
    expect(result.reasoning).toBeUndefined();
  });

  it("into a message that is not there yet make it", () => {
    const update = create(GenerateRequestSchema, { reasoning: { effort: "high", maxTokens: 5 } });
    const current = create(GenerateRequestSchema);
    const mask = { paths: ["reasoning.effort"] };
    const result = applyFieldMask(GenerateRequestSchema, current, update, mask);
    expect(result.reasoning).toMatchObject({ effort: "high" });
    expect(result.reasoning?.maxTokens).toBeUndefined();
  });

  it.each(["nothing", "displayName", "owners.0", "name.x", "", "__proto__", "*,name"])(
    "refuse the path %j",
    (path) => {
      const team = create(TeamSchema);
      const paths = path.split(",");
      expect(reasonOf(() => applyFieldMask(TeamSchema, team, team, { paths }))).toBe(
        "FIELD_INVALID",
      );
    },
  );
});
