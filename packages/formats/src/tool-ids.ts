/** What the ids of tool calls must be like, and how those are called that are not. */
export interface ToolIdForm {
  readonly accepted: RegExp;
  /** The name of the `count`-th id, from zero on, that is not accepted. */
  nameOf(count: number): string;
}

/**
 * Ids of the tool calls of one request. Those of other formats may have characters or a length that
 * a target refuses; they get a name of their own, the same for the call and its result.
 */
export class ToolIds {
  readonly #form: ToolIdForm;
  readonly #renamed = new Map<string, string>();

  constructor(form: ToolIdForm) {
    this.#form = form;
  }

  /** The id to send. */
  idFor(id: string): string {
    if (this.#form.accepted.test(id)) return id;
    const known = this.#renamed.get(id);
    if (known !== undefined) return known;
    const name = this.#form.nameOf(this.#renamed.size);
    this.#renamed.set(id, name);
    return name;
  }
}
