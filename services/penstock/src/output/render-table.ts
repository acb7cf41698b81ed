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
    Math.max(...cells.map((row) => (row[index] ?? "").length)),
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

/** Control characters of stored text could turn the terminal. */
function printable(text: string): string {
  return text.replaceAll(
    /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
