import { clone, create, equals } from "@bufbuild/protobuf";
import { GenerateRequestSchema, ListTeamsRequestSchema, TeamSchema } from "@penstock/api";
import type { GatewayError } from "@penstock/errors";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalBytes } from "./canonical-bytes.ts";
import { assertEtag, computeEtag } from "./etag.ts";
import { applyFieldMask, maskedFields } from "./field-mask.ts";
import { createPageTokens, listQuery, pageSize } from "./page-token.ts";
import {
  collections,
  expectResourceName,
  formatResourceName,
  isResourceId,
  parseResourceName,
} from "./resource-name.ts";

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
      "The field project.name must be a name of the form projects/<id>",
    );
  });
});

describe("field masks", () => {
  it("with * give the update, and without paths its populated fields", () => {
    fc.assert(
      fc.property(anyTeam, anyTeam, (current, update) => {
        const all = applyFieldMask(TeamSchema, current, update, { paths: ["*"] });
        expect(equals(TeamSchema, all, update)).toBe(true);
        const implied = [...maskedFields(TeamSchema, update, undefined)];
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

  it("are checked only when given", () => {
    expect(reasonOf(() => assertEtag("", "b", "teams/a"))).toBeUndefined();
    expect(reasonOf(() => assertEtag("b", "b", "teams/a"))).toBeUndefined();
    expect(reasonOf(() => assertEtag("a", "b", "teams/a"))).toBe("ETAG_MISMATCH");
  });
});

describe("page tokens", () => {
  const tokens = createPageTokens(Buffer.from("key"));
  const query = Buffer.from("query");

  it("come back for their query and for no other", () => {
    fc.assert(
      fc.property(fc.string(), fc.uint8Array(), fc.uint8Array(), (cursor, own, other) => {
        const text = cursor.toWellFormed();
        const token = tokens.encode(text, own);
        expect(token).toMatch(/^[\w-]+$/);
        expect(tokens.decode(token, own)).toBe(text);
        if (!Buffer.from(own).equals(Buffer.from(other))) {
          expect(reasonOf(() => tokens.decode(token, other))).toBe("PAGE_TOKEN_INVALID");
        }
      }),
    );
  });

  it("do not survive a change of any character, nor another key", () => {
    const token = tokens.encode("cursor", query);
    const change = fc.tuple(fc.nat(token.length - 1), fc.constantFrom(..."aZ09-_+/= \n"));
    fc.assert(
      fc.property(change, ([index, character]) => {
        fc.pre(token[index] !== character);
        const changed = token.slice(0, index) + character + token.slice(index + 1);
        expect(reasonOf(() => tokens.decode(changed, query))).toBe("PAGE_TOKEN_INVALID");
      }),
    );
    const others = createPageTokens(Buffer.from("other"));
    expect(reasonOf(() => others.decode(token, query))).toBe("PAGE_TOKEN_INVALID");
    for (const wrong of ["", "AQ", `${token}=`, "x".repeat(10_000)]) {
      expect(reasonOf(() => tokens.decode(wrong, query))).toBe("PAGE_TOKEN_INVALID");
    }
  });

  it("are bound to the fields of the request that choose what is listed", () => {
    const page = (pageToken: string, size: number) =>
      listQuery(
        ListTeamsRequestSchema,
        create(ListTeamsRequestSchema, { pageToken, pageSize: size }),
      );
    expect(page("a", 1)).toEqual(page("b", 2));
    const model = (name: string) =>
      listQuery(GenerateRequestSchema, create(GenerateRequestSchema, { model: name }));
    expect(model("a")).not.toEqual(model("b"));
  });

  it("come in pages of a bounded size", () => {
    expect(pageSize(0, { byDefault: 100 })).toBe(100);
    expect(pageSize(7)).toBe(7);
    expect(pageSize(1_000_000)).toBe(1_000);
    expect(reasonOf(() => pageSize(-1))).toBe("FIELD_INVALID");
  });
});
