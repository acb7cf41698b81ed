/** What Bedrock accepts as an id of a tool call. */
const accepted = /^[A-Za-z0-9_-]{1,64}$/;

/**
 * Ids of the tool calls of one request. Those of other formats may have characters or a length that
 * Bedrock refuses; they get a name of their own, the same for the call and its result.
 */
export class ToolIds {
  readonly #renamed = new Map<string, string>();

  /** The id to send. */
  idFor(id: string): string {
    if (accepted.test(id)) return id;
    const known = this.#renamed.get(id);
    if (known !== undefined) return known;
    const name = `penstock_${this.#renamed.size}`;
    this.#renamed.set(id, name);
    return name;
  }
}
