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

/** Whether it is a function of no namespace, which is sent by its name. */
function isPlain({ kind, namespace }: Pick<CallForm, "kind" | "namespace">): boolean {
  return namespace === undefined && kind === "function";
}

/** The names of namespace and tool as one. */
function joinedName({ kind, name, namespace }: CallForm): string {
  if (isPlain({ kind, namespace })) return name;
  const between = namespace === undefined || namespace.endsWith("__") ? "" : "__";
  return `${namespace ?? ""}${between}${name}`.replace(/[^A-Za-z0-9_-]/g, "_");
}

/** The end of a name, which differs more than its beginning, marked by what it was made of. */
function markedName(joined: string, origin: string): string {
  const mark = shortHash(origin);
  const end = joined.replace(/[^A-Za-z0-9_-]/g, "_").slice(mark.length + 1 - longestName);
  // Google's names begin with a letter or an underscore.
  return `${end.replace(/^[^A-Za-z_]/, "_")}_${mark}`;
}

/** FNV-1a of the UTF-16 units, 32 bits as 8 hexadecimal digits: no proof, but the same each time. */
function shortHash(text: string): string {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  }
  return (hash >>> 0).toString(16).padStart(8, "0");
}

/** What makes a tool the one that it is. */
function originOf({ kind, name, namespace }: CallForm): string {
  return JSON.stringify([kind, namespace ?? null, name]);
}

/**
 * The tools of a request as functions, which every format knows: those of namespaces by joined
 * names, those that take a text with one argument, and the search for tools that the caller runs.
 * No two tools have one name: the wrong one would be called.
 */
export class ToolBook {
  readonly tools: Tool[] = [];
  readonly forms = new Map<string, CallForm>();
  /** Origins of the tools that names belong to. */
  readonly #origins = new Map<string, string>();
  /** Names of the tools that are declared, by their origins. */
  readonly #declared = new Map<string, string>();
  #added: string[] = [];

  /** `reserved` are functions that keep their names, wherever in the request they stand. */
  constructor(reserved: Iterable<Tool> = []) {
    for (const { name, formatPart } of reserved) {
      if (formatPart === undefined) this.#origins.set(name, originOf(plainForm(name)));
    }
  }

  /** The function that stands for a tool, whether it is declared or was so once. */
  nameOf(form: CallForm): string {
    for (const kind of [form.kind, "function", "custom"] as const) {
      const declared = this.#declared.get(originOf({ ...form, kind }));
      if (declared !== undefined) return declared;
    }
    return this.#freeName(form);
  }

  #freeName(form: CallForm): string {
    const origin = originOf(form);
    const joined = joinedName(form);
    if ((isPlain(form) || joined.length <= longestName) && this.#isFree(joined, origin))
      return joined;
    for (let attempt = 0; ; attempt += 1) {
      const marked = markedName(joined, attempt === 0 ? origin : `${origin}${attempt}`);
      if (this.#isFree(marked, origin)) return marked;
    }
  }

  /** Adds a tool of the request. */
  add(tool: Tool): void {
    const { formatPart } = tool;
    if (formatPart === undefined) this.#push(tool, plainForm(tool.name));
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
    this.#push(tool, { ...form, namespace });
  }

  /** What a search finds again is there already. */
  #push(tool: Tool, form: CallForm): void {
    const origin = originOf(form);
    const known = this.#declared.get(origin);
    const name = known ?? this.#freeName(form);
    this.#added.push(name);
    if (known !== undefined) return;
    this.#declared.set(origin, name);
    this.#origins.set(name, origin);
    if (!isPlain(form) || name !== form.name) this.forms.set(name, form);
    this.tools.push(name === tool.name ? tool : { ...tool, name });
  }

  #isFree(name: string, origin: string): boolean {
    const taken = this.#origins.get(name);
    return taken === undefined || taken === origin;
  }
}

/** A function of no namespace. */
function plainForm(name: string): CallForm {
  return { kind: "function", name, namespace: undefined };
}

function grammarOf(format: unknown): string[] {
  if (!isJsonObject(format) || format["type"] !== "grammar") return [];
  const { syntax, definition } = format;
  if (typeof syntax !== "string" || typeof definition !== "string") return [];
  return [`The text must follow this grammar, in the syntax of ${syntax}:\n${definition}`];
}
