import { describe, expect, it } from "vitest";
import { errorPage, findErrorPage, helpPath } from "./error-page.ts";
import { reasons } from "./reasons.ts";
import type { ErrorReason } from "./reasons.ts";

describe("findErrorPage", () => {
  it("finds the page of every reason where errors say that it is", () => {
    for (const reason of Object.keys(reasons) as ErrorReason[]) {
      expect(findErrorPage(helpPath(reason))).toBe(errorPage(reason));
      expect(findErrorPage("/errors")).toContain(`- ${helpPath(reason)}: `);
    }
    expect(findErrorPage("/errors/DRAINING.md")).toBe(errorPage("DRAINING"));
    expect(findErrorPage("/errors/")).toBe(findErrorPage("/errors"));
  });

  it.each([
    "/",
    "/error",
    "/errorsDRAINING",
    "/errors/draining",
    "/errors//DRAINING",
    "/errors/../x",
  ])("finds nothing at %s", (path) => {
    expect(findErrorPage(path)).toBeUndefined();
  });
});
