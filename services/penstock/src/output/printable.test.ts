import { expect, it } from "vitest";
import { printable, printableLines } from "./printable.ts";

it("shows control characters, those between lines only where there is one line", () => {
  const text = "a\u001b[31m\n\tb\u202ec\u0085";
  expect(printable(text)).toBe("a\\u001b[31m\\u000a\\u0009b\\u202ec\\u0085");
  expect(printableLines(text)).toBe("a\\u001b[31m\n\tb\\u202ec\\u0085");
});
