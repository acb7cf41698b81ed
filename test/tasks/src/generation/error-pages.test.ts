import { explanations, findErrorPage, helpPath, reasons } from "@penstock/errors";
import { expect, it } from "vitest";
import { root } from "../commands/workspace.ts";
import { compareErrorPages, errorPages, readErrorPages } from "./error-pages.ts";

it("says of every reason why it comes, whose doing it is and what to do", () => {
  const pages = errorPages();
  expect(Object.keys(explanations).toSorted()).toEqual(Object.keys(reasons).toSorted());
  expect(pages.get("DRAINING.md")).toBe(
    [
      "# DRAINING",
      "",
      "This router is about to stop and takes no new requests.",
      "",
      "- Whose doing: Penstock, or what it runs on",
      "- HTTP status: 503",
      "- gRPC code: UNAVAILABLE",
      "- Does asking again help: yes, the same request",
      "",
      "## What to do",
      "",
      "- Ask again: a new connection reaches another router.",
      "",
    ].join("\n"),
  );
});

it("has the pages that errors link to, as they shall be", () => {
  const pages = readErrorPages(root);
  expect(compareErrorPages(pages, errorPages())).toEqual([]);
  for (const reason of Object.keys(explanations) as (keyof typeof explanations)[]) {
    expect(pages.get(`${reason}.md`)).toBe(findErrorPage(helpPath(reason)));
  }
});

it("names what is missing, different and left over", () => {
  const actual = new Map([
    ["A.md", "old"],
    ["GONE.md", ""],
  ]);
  const expected = new Map([
    ["A.md", "new"],
    ["B.md", ""],
  ]);
  expect(compareErrorPages(actual, expected)).toEqual([
    "deploy/errors/A.md differs from packages/errors",
    "deploy/errors/B.md is missing",
    "deploy/errors/GONE.md has no reason any more",
  ]);
});
