import type { Tool } from "@penstock/api";
import type { CallForm } from "../call-forms.ts";
import { FieldProblems } from "../field-problems.ts";
import type { JsonObject } from "../format.ts";
import { isJsonObject } from "../read-json.ts";
import { readTools } from "./read-tools.ts";

type Fields = Record<string, unknown>;

/** Longest name of a function that every format takes. Unit: characters. */
const longestName = 64;

/** The argument of a function that stands for a tool with a text. */
export const textArgument = "input";

/** The names of namespace and tool as one; the end of what is too long, as it differs more. */
function joinedName({ name, namespace }: Pick<CallForm, "name" | "namespace">): string {
  const between = namespace === undefined || namespace.endsWith("__") ? "" : "__";
  const whole = `${namespace ?? ""}${between}${name}`;
  return whole.replace(/[^A-Za-z0-9_-]/g, "_").slice(-longestName);
}

/**
 * The tools of a request as functions, which every format knows: those of namespaces by joined
 * names, those that take a text with one argument, and the search for tools that the caller runs.
 */
export class ToolBook {
  readonly tools: Tool[] = [];
  readonly forms = new Map<string, CallForm>();
  readonly #names = new Set<string>();
  #added: string[] = [];

  /** The function that stands for a tool, whether it is declared or was so once. */
  nameOf({ name, namespace }: { name: string; namespace: string | undefined }): string {
    for (const [joined, form] of this.forms) {
      if (form.name === name && form.namespace === namespace) return joined;
    }
    return namespace === undefined ? name : joinedName({ name, namespace });
  }

  /** Adds a tool of the request. */
  add(tool: Tool): void {
    const { formatPart } = tool;
    if (formatPart === undefined) this.#push(tool);
    else if (!isJsonObject(formatPart.content) || !this.#addOwn(formatPart.content)) {
      // What only this format knows is refused where it is written, by its place.
      this.tools.push(tool);
    }
  }

  /** Adds tools as they are written, such as those that a search has found. Returns their names. */
  addWritten(written: unknown): readonly string[] {
    this.#added = [];
    const problems = new FieldProblems();
    for (const tool of readTools(problems, written).tools) this.add(tool);
    problems.throwIfAny();
    return this.#added;
  }

  #addOwn(fields: Fields, namespace?: string): boolean {
    switch (fields["type"]) {
      case "namespace":
        return this.#addNamespace(fields);
      case "custom":
        return this.#addCustom(fields, namespace);
      case "tool_search":
        return fields["execution"] === "client" && this.#addSearch(fields);
      default:
        return false;
    }
  }

  #addNamespace({ name, tools }: Fields): boolean {
    if (typeof name !== "string" || name === "") return false;
    const problems = new FieldProblems();
    for (const tool of readTools(problems, tools).tools) {
      const own = tool.formatPart?.content;
      if (own === undefined) this.#addForm(tool, { kind: "function", name: tool.name }, name);
      else if (!this.#addOwn(own, name)) this.tools.push(tool);
    }
    problems.throwIfAny();
    return true;
  }

  #addCustom(fields: Fields, namespace: string | undefined): boolean {
    const { name, description, format } = fields;
    if (typeof name !== "string" || name === "") return false;
    const told = [
      ...(typeof description === "string" ? [description] : []),
      `The tool takes a text, not JSON: it is the argument ${textArgument}, as it is.`,
      ...grammarOf(format),
    ];
    const tool: Tool = {
      $typeName: "penstock.inference.v1.Tool",
      name,
      description: told.join("\n\n"),
      inputSchema: {
        type: "object",
        properties: { [textArgument]: { type: "string" } },
        required: [textArgument],
        additionalProperties: false,
      },
    };
    this.#addForm(tool, { kind: "custom", name }, namespace);
    return true;
  }

  #addSearch({ description, parameters }: Fields): boolean {
    const name = "tool_search";
    const tool: Tool = { $typeName: "penstock.inference.v1.Tool", name };
    if (typeof description === "string") tool.description = description;
    if (isJsonObject(parameters)) tool.inputSchema = parameters as JsonObject;
    this.#addForm(tool, { kind: name, name }, undefined);
    return true;
  }

  #addForm(tool: Tool, form: Pick<CallForm, "kind" | "name">, namespace: string | undefined): void {
    const name = joinedName({ name: form.name, namespace });
    if (!this.#names.has(name)) this.forms.set(name, { ...form, namespace });
    this.#push({ ...tool, name });
  }

  /** What a search finds again is there already. */
  #push(tool: Tool): void {
    this.#added.push(tool.name);
    if (this.#names.has(tool.name)) return;
    this.#names.add(tool.name);
    this.tools.push(tool);
  }
}

function grammarOf(format: unknown): string[] {
  if (!isJsonObject(format) || format["type"] !== "grammar") return [];
  const { syntax, definition } = format;
  if (typeof syntax !== "string" || typeof definition !== "string") return [];
  return [`The text must follow this grammar, in the syntax of ${syntax}:\n${definition}`];
}
