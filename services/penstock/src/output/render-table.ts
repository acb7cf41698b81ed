import { printable } from "./printable.ts";

/** One column: its heading, and whether its values are numbers. */
export interface Column {
  readonly heading: string;
  readonly isNumber?: boolean;
}

/** Renders rows below headings, columns two blanks apart; no line ends in blanks. */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): string {
  const cells = [columns.map(({ heading }) => heading), ...rows.map((row) => row.map(printable))];
  const widths = columns.map((_, index) =>
    cells.reduce((width, row) => Math.max(width, (row[index] ?? "").length), 0),
  );
  const lines = cells.map((row) =>
    columns
      .map(({ isNumber }, index) => {
        const cell = row[index] ?? "";
        const width = widths[index] ?? 0;
        return isNumber === true ? cell.padStart(width) : cell.padEnd(width);
      })
      .join("  ")
      .trimEnd(),
  );
  return `${lines.join("\n")}\n`;
}
