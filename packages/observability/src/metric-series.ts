/** How many combinations of label values one metric keeps (security.md R9: cardinality caps). */
export const maxSeries = 1_000;

const maxLabelCharacters = 128;
const separator = "\u001f";

/** The rest of a metric whose series are at their cap. */
const otherValue = "_other";

/** The series of one metric by their label values, capped. */
export class SeriesMap<Cell> {
  readonly labelNames: readonly string[];
  readonly #cells = new Map<string, Cell>();
  readonly #newCell: () => Cell;
  readonly #onCapped: () => void;

  constructor(labelNames: readonly string[], newCell: () => Cell, onCapped: () => void) {
    this.labelNames = labelNames;
    this.#newCell = newCell;
    this.#onCapped = onCapped;
    if (labelNames.length === 0) this.#cells.set("", newCell());
  }

  /** The cell of the label values, in the order of the label names; absent ones are empty. */
  cell(labels: readonly string[]): Cell {
    const key = this.#key(labels);
    const found = this.#cells.get(key);
    if (found !== undefined) return found;
    if (this.#cells.size < maxSeries) return this.#add(key);
    this.#onCapped();
    const otherKey = this.labelNames.map(() => otherValue).join(separator);
    return this.#cells.get(otherKey) ?? this.#add(otherKey);
  }

  /** Every series as its rendered labels, such as `a="x",b="y"`, and its cell. */
  *entries(): Generator<[string, Cell]> {
    for (const [key, cell] of this.#cells) {
      yield [renderLabels(this.labelNames, key.split(separator)), cell];
    }
  }

  #key(labels: readonly string[]): string {
    const { length } = this.labelNames;
    if (length === 0) return "";
    if (length === 1) return labelValue(labels[0]);
    let key = labelValue(labels[0]);
    for (let index = 1; index < length; index += 1) key += separator + labelValue(labels[index]);
    return key;
  }

  #add(key: string): Cell {
    const cell = this.#newCell();
    this.#cells.set(key, cell);
    return cell;
  }
}

function labelValue(value: string | undefined): string {
  if (value === undefined) return "";
  const bounded = value.length > maxLabelCharacters ? value.slice(0, maxLabelCharacters) : value;
  return bounded.includes(separator) ? bounded.replaceAll(separator, "_") : bounded;
}

/** Writes labels in the text format of Prometheus. */
export function renderLabels(names: readonly string[], values: readonly string[]): string {
  return names
    .map((name, index) => `${name}="${(values[index] ?? "").replace(/[\\"\n]/g, escapeLabel)}"`)
    .join(",");
}

function escapeLabel(character: string): string {
  return character === "\n" ? "\\n" : `\\${character}`;
}
