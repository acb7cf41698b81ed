/** Where a field stands in its file, and how it is written there. */
export interface SourcePlace {
  readonly line: number;
  readonly writtenPath: string;
}

/** Knows for every field path of one resource where it was written. */
export class SourceMap {
  readonly #places = new Map<string, SourcePlace>();
  readonly #first: SourcePlace;

  /** `line` is that of the resource itself. */
  constructor(line: number) {
    this.#first = { line, writtenPath: "" };
  }

  /** `path` uses the names of the proto's JSON, `writtenPath` those of the file. */
  record(path: string, place: SourcePlace): void {
    this.#places.set(path, place);
  }

  /**
   * The place of a path as services write it (`targets[0].first_token` or `…firstToken`). A path
   * that the file does not have is placed at the nearest field around it and keeps its own name.
   */
  find(path: string): SourcePlace {
    const wanted = path.replaceAll(/_([a-z0-9])/g, (_all, letter: string) => letter.toUpperCase());
    const exact = this.#places.get(wanted);
    if (exact !== undefined) return exact;
    for (let end = wanted.length; end > 0; end -= 1) {
      if (!".[".includes(wanted[end] ?? "")) continue;
      const around = this.#places.get(wanted.slice(0, end));
      if (around !== undefined) return { line: around.line, writtenPath: wanted };
    }
    return { line: this.#first.line, writtenPath: wanted };
  }
}
