import { create } from "@bufbuild/protobuf";
import { ModelSchema } from "@penstock/api";
import { describe, expect, it } from "vitest";
import { anthropicModelPage } from "./anthropic-models.ts";

const models = ["a", "b", "c", "d", "e"].map((name) => create(ModelSchema, { name }));
const page = (query: string): [string, boolean] => {
  const { data, has_more: more } = anthropicModelPage(models, query);
  return [data.map(({ id }) => id).join(""), more];
};

describe("anthropicModelPage", () => {
  it.each<[string, string, boolean]>([
    ["", "abcde", false],
    ["limit=1000", "abcde", false],
    ["limit=2", "ab", true],
    ["limit=2&after_id=b", "cd", true],
    ["limit=2&after_id=d", "e", false],
    ["limit=2&before_id=d", "bc", true],
    ["limit=0", "abcde", false],
    ["limit=x&beta=true", "abcde", false],
    ["after_id=bb", "cde", false],
    ["after_id=e", "", false],
  ])("of %j is %j", (query, ids, more) => {
    expect(page(query)).toEqual([ids, more]);
  });

  it("names its first and last id", () => {
    const { first_id: first, last_id: last } = anthropicModelPage(models, "limit=2");
    expect([first, last]).toEqual(["a", "b"]);
    expect(anthropicModelPage([], "")).toMatchObject({ first_id: null, last_id: null });
  });
});
