/** How many combinations of label values one metric keeps (security.md R9: cardinality caps). */
export const maxSeries = 1_000;

const maxLabelCharacters = 128;
const separator = "\u001f";

/** The rest of a metric whose series are at their cap. */
const otherValue = "_other";

/** The series whose label values begin alike. */
interface Branch<Cell> {
  readonly next: Map<string, Branch<Cell>>;
  /** At the last label. */
  cell: Cell | undefined;
}

/** The series of one metric by their label values, capped. */
export class SeriesMap<Cell> {
  readonly labelNames: readonly string[];
  readonly #cells = new Map<string, Cell>();
  // Label by label, so that nothing is joined to find a series: most requests name the same few.
  readonly #root: Branch<Cell> = { next: new Map(), cell: undefined };
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
    const { length } = this.labelNames;
    let branch: Branch<Cell> | undefined = this.#root;
    for (let index = 0; index < length && branch !== undefined; index += 1) {
      branch = branch.next.get(labels[index] ?? "");
    }
    return branch?.cell ?? this.#find(labels);
  }

  /** The cell of these label values alone; undefined: the metric is at its cap and has none. */
  ownCell(labels: readonly string[]): Cell | undefined {
    const key = this.#key(labels);
    const known = this.#cells.get(key);
    if (known !== undefined) return known;
    return this.#cells.size < maxSeries ? this.#add(key) : undefined;
  }

  #find(labels: readonly string[]): Cell {
    const own = this.ownCell(labels);
    if (own !== undefined) {
      this.#remember(labels, own);
      return own;
    }
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

  /** Only values that are kept as they are: of others, any number could lead to one series. */
  #remember(labels: readonly string[], cell: Cell): void {
    const { length } = this.labelNames;
    for (let index = 0; index < length; index += 1) {
      const value = labels[index] ?? "";
      if (labelValue(value) !== value) return;
    }
    let branch = this.#root;
    for (let index = 0; index < length; index += 1) {
      const value = labels[index] ?? "";
      let next = branch.next.get(value);
      if (next === undefined) {
        next = { next: new Map(), cell: undefined };
        branch.next.set(value, next);
      }
      branch = next;
    }
    branch.cell = cell;
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
