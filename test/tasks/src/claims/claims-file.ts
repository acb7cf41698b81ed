/** What was found out about a claim; one row of CLAIMS.md. */
export interface ProvedClaim {
  readonly id: string;
  readonly sentence: string;
  /** Rounded, or why it could not be measured. */
  readonly figure: string;
  readonly bound: string;
  readonly passed: boolean;
  readonly commit: string;
  readonly machine: string;
  /** ISO 8601, to the minute. */
  readonly date: string;
}

const head = `# Claims

What the README claims, measured. Written by \`npm run prove\`; \`npm run prove -- <claim>\` renews one.
A \`+\` behind a commit says that files differed from it.

| id | claim | figure | bound | held | commit | date | machine |
| --- | --- | ---: | ---: | --- | --- | --- | --- |
`;
const rowStart = /^\| (?!id |---)/;
const cellsOfRow = 8;

/** The text of CLAIMS.md. */
export function writeClaims(claims: readonly ProvedClaim[]): string {
  const rows = claims.map((claim) => {
    const { id, sentence, figure, bound, passed, commit, date, machine } = claim;
    const cells = [id, sentence, figure, bound, passed ? "yes" : "**no**", commit, date, machine];
    return `| ${cells.map((cell) => cell.replaceAll(/[|\n]+/g, " ")).join(" | ")} |\n`;
  });
  return `${head}${rows.join("")}`;
}

/** Reads the rows of CLAIMS.md back; other lines are passed over. */
export function readClaims(text: string): ProvedClaim[] {
  return text
    .split("\n")
    .filter((line) => rowStart.test(line))
    .map((line) => line.slice(2, -2).split(" | "))
    .filter((cells) => cells.length === cellsOfRow)
    .map(([id = "", sentence = "", figure = "", bound = "", held, ...rest]) => {
      const [commit = "", date = "", machine = ""] = rest;
      return { id, sentence, figure, bound, passed: held === "yes", commit, date, machine };
    });
}

/** The rows in the order of `order`, each the newer of both; rows of claims that are gone go. */
export function mergeClaims(
  order: readonly string[],
  before: readonly ProvedClaim[],
  now: readonly ProvedClaim[],
): ProvedClaim[] {
  return order.flatMap((id) => {
    const found = now.find((one) => one.id === id) ?? before.find((one) => one.id === id);
    return found === undefined ? [] : [found];
  });
}

/** Ids of the markers `<!-- claim:ID -->` in a text. */
export function markedClaims(text: string): string[] {
  return [...text.matchAll(/<!-- claim:([a-z0-9-]+) -->/g)].map((match) => match[1] ?? "");
}
