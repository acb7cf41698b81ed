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

  it("takes as many rows as there are", () => {
    const rows = Array.from({ length: 200_000 }, (_, index) => [String(index)]);
    expect(renderTable([{ heading: "A" }], rows)).toHaveLength(1_288_892);
  });

  it("shows control characters instead of sending them to the terminal", () => {
    expect(renderTable([{ heading: "A" }], [["\u001b[31mred\n"]])).toBe(
      "A\n\\u001b[31mred\\u000a\n",
    );
  });
});
