import type { ContentPart, GenerateRequest, Message } from "@penstock/api";
import type { CallForm } from "../call-forms.ts";
import { FieldProblems } from "../field-problems.ts";
import { readText } from "../field-values.ts";
import type { JsonObject, PlainRequest } from "../format.ts";
import { textPart, toolCallPart, toolResultPart } from "../openai-chat/content-parts.ts";
import { isJsonObject } from "../read-json.ts";
import { formatName } from "./format-part.ts";
import { isOptionalTool } from "./optional-tools.ts";
import { readContent } from "./read-content.ts";
import { openSignature } from "./sealed-signature.ts";
import { textArgument, ToolBook } from "./tool-book.ts";

type Fields = Record<string, unknown>;

const idLength = { min: 1, max: 512 };
const nameLength = { min: 1, max: 256 };
const resultParts: ReadonlySet<string> = new Set(["input_text", "input_image", "input_file"]);
/** What the provider did by itself; its answer stands behind it. */
const ownSteps: ReadonlySet<unknown> = new Set(["web_search_call", "image_generation_call"]);

/**
 * The request without tools, calls and results that only this format has words for: functions and
 * their calls stand for them. What can't be said so stays, and is refused where it is written.
 * Returns the request itself when it has nothing of the kind.
 */
export function plainRequest(
  request: GenerateRequest,
  warn: (warning: string) => void,
): PlainRequest {
  if (!needsWords(request)) return { request };
  const writer = new PlainWriter(request, warn);
  for (const [index, message] of request.messages.entries()) writer.add(message, index);
  const { tools, forms } = writer.book;
  const plain = { ...request, tools, messages: writer.messages };
  return forms.size === 0 ? { request: plain } : { request: plain, callForms: forms };
}

function needsWords({ tools, messages }: GenerateRequest): boolean {
  return (
    tools.some(({ formatPart }) => formatPart?.format === formatName) ||
    messages.some(({ parts }) => parts.some((part) => ownItem(part) !== undefined))
  );
}

/** An item of this format alone. */
function ownItem({ part }: ContentPart): JsonObject | undefined {
  if (part.case !== "formatPart" || part.value.format !== formatName) return undefined;
  return part.value.content;
}

class PlainWriter {
  readonly book: ToolBook;
  readonly messages: Message[] = [];
  readonly #warn: (warning: string) => void;
  /** Members of items by the positions of message and part. */
  readonly #overlay: JsonObject;

  constructor(request: GenerateRequest, warn: (warning: string) => void) {
    this.#warn = warn;
    this.book = new ToolBook(request.tools);
    const overlay = request.formatParameters[formatName]?.["input"];
    this.#overlay = isJsonObject(overlay) ? overlay : {};
    for (const tool of request.tools) if (!isOptionalTool(tool, request)) this.book.add(tool);
    for (const item of request.messages.flatMap(({ parts }) => parts.map(ownItem))) {
      if (item?.["type"] === "additional_tools") this.book.addWritten(item["tools"]);
    }
  }

  add(message: Message, index: number): void {
    const parts: ContentPart[] = [];
    for (const [at, part] of message.parts.entries()) {
      const plain = this.#part(part, index, at);
      if (plain !== undefined) parts.push(plain);
    }
    // Where all of it was left out there is nothing to be said.
    if (parts.length > 0) this.messages.push({ ...message, parts });
  }

  #part(part: ContentPart, index: number, at: number): ContentPart | undefined {
    const item = ownItem(part);
    if (item === undefined) return this.#named(part, index, at);
    const type = item["type"];
    const path = `input, message ${index}`;
    switch (type) {
      case "additional_tools":
        return undefined;
      case "custom_tool_call":
        return this.#call(item, path, "custom", { [textArgument]: item["input"] ?? "" });
      case "tool_search_call":
        return this.#call(searched(item), path, "tool_search", item["arguments"] ?? {});
      case "custom_tool_call_output":
        return customResult(item, path);
      case "tool_search_output":
        return this.#found(item, path);
      default:
        if (!ownSteps.has(type)) return part;
        this.#warn(`item_dropped: ${String(type)}, which only ${formatName} knows`);
        return undefined;
    }
  }

  /** A call of a function in a namespace goes by the joined name. */
  #named(part: ContentPart, index: number, at: number): ContentPart {
    if (part.part.case !== "toolCall") return part;
    const message = this.#overlay[String(index)];
    const items = isJsonObject(message) ? message["items"] : undefined;
    const item = isJsonObject(items) ? items[String(at)] : undefined;
    const namespace = isJsonObject(item) ? item["namespace"] : undefined;
    const { name: own } = part.part.value;
    const name = this.book.nameOf({ kind: "function", name: own, namespace: textOf(namespace) });
    if (name === own) return part;
    return { ...part, part: { case: "toolCall", value: { ...part.part.value, name } } };
  }

  #call(item: Fields, path: string, kind: CallForm["kind"], given: unknown): ContentPart {
    const problems = new FieldProblems();
    const id = readText(problems, `${path}: call_id`, item["call_id"], idLength);
    const name = readText(problems, `${path}: name`, item["name"], nameLength);
    problems.throwIfAny();
    const { namespace, encrypted_content: encrypted } = item;
    const form = { kind, name: name ?? "", namespace: textOf(namespace) };
    const joined = this.book.nameOf(form);
    const call = toolCallPart(id ?? "", joined, JSON.stringify(given));
    if (typeof encrypted === "string" && encrypted !== "" && call.part.case === "toolCall") {
      const { signature, signatureIssuer } = openSignature(encrypted);
      Object.assign(call.part.value, { signature, signatureIssuer });
    }
    return call;
  }

  /** What a search found is declared from now on; the model learns the names. */
  #found(item: Fields, path: string): ContentPart {
    const names = this.book.addWritten(item["tools"] ?? []);
    const text = names.length === 0 ? "No tool was added." : `Callable now: ${names.join(", ")}.`;
    return result(item, path, [textPart(text)]);
  }
}

function searched(item: Fields): Fields {
  return { ...item, name: "tool_search", namespace: undefined };
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function customResult(item: Fields, path: string): ContentPart {
  const problems = new FieldProblems();
  const { parts } = readContent(problems, `${path}: output`, item["output"], resultParts);
  problems.throwIfAny();
  return result(item, path, parts);
}

function result(item: Fields, path: string, parts: ContentPart[]): ContentPart {
  const problems = new FieldProblems();
  const id = readText(problems, `${path}: call_id`, item["call_id"], idLength);
  problems.throwIfAny();
  return toolResultPart(id ?? "", parts);
}
