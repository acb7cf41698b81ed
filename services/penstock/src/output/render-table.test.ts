import { describe, expect, it } from "vitest";
import { renderTable } from "./render-table.ts";

describe("renderTable", () => {
  it("aligns text left and numbers right, without blanks at the end", () => {
    const columns = [{ heading: "NAME" }, { heading: "COST", isNumber: true }, { heading: "X" }];
    expect(
      renderTable(columns, [
        ["a", "0.5", ""],
        ["long name", "12", "y"],
      ]),
    ).toBe("NAME       COST  X\na           0.5\nlong name    12  y\n");
  });

  it("shows control characters instead of sending them to the terminal", () => {
    expect(renderTable([{ heading: "A" }], [["\u001b[31mred\n"]])).toBe(
      "A\n\\u001b[31mred\\u000a\n",
    );
  });
});
