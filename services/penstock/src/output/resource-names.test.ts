import { collections, expectResourceName } from "@penstock/rpc";
import { resourceNameRule } from "@penstock/snapshot";
import { expect, it } from "vitest";

it.each(collections)("services say of names of %s what manifests are told", (collection) => {
  const rule = resourceNameRule(collection);
  expect(() => expectResourceName("a b", collection, "name")).toThrow(
    `The field name must be ${rule}.`,
  );
  const [, example = ""] = rule.split("such as ");
  expect(expectResourceName(example, collection, "name")).toMatchObject({ collection });
});
