/** How a caller's own format calls a tool that other formats know as a function. */
export interface CallForm {
  /** `function`: with arguments; `custom`: with a text; `tool_search`: a search for more tools. */
  readonly kind: "function" | "custom" | "tool_search";
  /** Name of the tool within its namespace. */
  readonly name: string;
  /** Group that the tool belongs to; undefined: to none. */
  readonly namespace: string | undefined;
}

/** The forms of calls by the names of the functions that stand for the tools. */
export type CallForms = ReadonlyMap<string, CallForm>;
