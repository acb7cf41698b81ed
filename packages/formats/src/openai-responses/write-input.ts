import {
  MessageRole,
  type ContentPart,
  type Message,
  type ReasoningPart,
  type ToolResultPart,
} from "@penstock/api";
import type { TargetRequest } from "../format.ts";
import { ownSignature } from "../own-signature.ts";
import { isJsonObject } from "../read-json.ts";
import { ToolIds, type ToolIdForm } from "../tool-ids.ts";
import { formatName } from "./format-part.ts";
import type { MessageOverlay } from "./overlay.ts";
import { instructionsRole } from "./read-request.ts";
import { writeReasoning } from "./reasoning-item.ts";
import { cannotSay, overlaid, ownWords, writeInputContent } from "./write-content.ts";

type Written = Record<string, unknown>;

/** Longer ids of calls are refused with 400. */
const idForm: ToolIdForm = {
  accepted: /^[^]{1,64}$/,
  nameOf: (count) => `call_penstock_${count}`,
};

/** The conversation as this format says it. */
export interface WrittenInput {
  instructions: string | undefined;
  input: Written[];
}

/**
 * Writes the conversation as items. `extras` are members by position of the message, as `readInput`
 * found them; they never replace a known one. Reasoning goes back only with its opaque form.
 */
export function writeInput(
  messages: readonly Message[],
  target: TargetRequest,
  extras: unknown,
): WrittenInput {
  const written: WrittenInput = { instructions: undefined, input: [] };
  const ids = new ToolIds(idForm);
  const overlays = isJsonObject(extras) ? extras : {};
  for (const [index, message] of messages.entries()) {
    const path = `messages[${index}]`;
    const overlay = overlayOf(overlays[String(index)]);
    if (index === 0 && message.rawRole === instructionsRole && isPlain(message)) {
      written.instructions = textOf(message);
      continue;
    }
    switch (message.role) {
      case MessageRole.USER:
      case MessageRole.SYSTEM:
        written.input.push(writeMessage(message, path, overlay));
        break;
      case MessageRole.ASSISTANT:
        new TurnWriter(written.input, { target, ids }, overlay).write(message.parts, path);
        break;
      case MessageRole.TOOL:
        if (hasFailed(message)) target.warn?.("parameter_dropped: that a tool failed");
        writeResults(message, path, overlay, { input: written.input, ids });
        break;
      default:
        throw cannotSay(`${path}.role`, "an unknown role");
    }
  }
  return written;
}

function hasFailed({ parts }: Message): boolean {
  return parts.some(({ part }) => part.case === "toolResult" && part.value.isError);
}

function overlayOf(value: unknown): MessageOverlay {
  return isJsonObject(value) ? (value as MessageOverlay) : {};
}

function isPlain({ parts }: Message): boolean {
  return parts.every(({ part }) => part.case === "text");
}

function textOf({ parts }: Message): string {
  return parts.map(({ part }) => (part.case === "text" ? part.value.text : "")).join("");
}

function writeMessage(message: Message, path: string, overlay: MessageOverlay): Written {
  const [only] = message.parts;
  if (only?.part.case === "formatPart") return ownWords(only.part.value, path);
  const content = writeInputContent(message.parts, path, overlay.parts);
  const role = message.role === MessageRole.USER ? "user" : systemRole(message);
  return overlaid(overlay.item, { type: "message", role, content });
}

function systemRole({ rawRole }: Message): string {
  return rawRole === "developer" ? rawRole : "system";
}

function writeResults(
  message: Message,
  path: string,
  overlay: MessageOverlay,
  { input, ids }: { readonly input: Written[]; readonly ids: ToolIds },
): void {
  // What was carried belongs to one item, which is how this format writes a message of results.
  const own = message.parts.length === 1 ? overlay : {};
  for (const [index, { part }] of message.parts.entries()) {
    const at = `${path}.parts[${index}]`;
    if (part.case === "formatPart") input.push(ownWords(part.value, at));
    else if (part.case === "toolResult") {
      input.push({
        ...writeResult(part.value, at, own),
        call_id: ids.idFor(part.value.toolCallId),
      });
    } else throw cannotSay(at, `${part.case ?? "unknown content"} in a message of tool results`);
  }
}

function writeResult(result: ToolResultPart, path: string, overlay: MessageOverlay): Written {
  const { parts } = result;
  const output = parts.length === 0 ? "" : writeInputContent(parts, path, overlay.parts);
  return overlaid(overlay.item, {
    type: "function_call_output",
    output,
  });
}

/** Writes one turn of the model as items; its texts that follow each other are one. */
class TurnWriter {
  readonly #input: Written[];
  readonly #target: TargetRequest;
  readonly #ids: ToolIds;
  readonly #overlay: MessageOverlay;
  #content: Written[] | undefined;

  constructor(
    input: Written[],
    { target, ids }: { readonly target: TargetRequest; readonly ids: ToolIds },
    overlay: MessageOverlay,
  ) {
    this.#input = input;
    this.#target = target;
    this.#ids = ids;
    this.#overlay = overlay;
  }

  write(parts: readonly ContentPart[], path: string): void {
    for (const [index, part] of parts.entries()) this.#part(part, index, path);
  }

  #part({ part }: ContentPart, index: number, path: string): void {
    switch (part.case) {
      case "text":
        this.#text(part.value.text, part.value.refusal, index);
        return;
      case "citation":
        // Sources are for the reader of the answer; the model has no use for them.
        return;
      case "reasoning":
        this.#reasoning(part.value, index);
        return;
      case "toolCall": {
        const { id, name, argumentsJson } = part.value;
        ownSignature(part.value, formatName, this.#target.warn);
        this.#item(index, {
          type: "function_call",
          call_id: this.#ids.idFor(id),
          name,
          arguments: argumentsJson,
        });
        return;
      }
      case "formatPart":
        this.#item(index, ownWords(part.value, `${path}.parts[${index}]`));
        return;
      default:
        throw cannotSay(`${path}.parts[${index}]`, part.case ?? "an unknown kind of content");
    }
  }

  #text(text: string, refusal: boolean, index: number): void {
    if (this.#content === undefined || this.#hasItem(index)) {
      this.#content = [];
      const item = { type: "message", role: "assistant", content: this.#content };
      this.#input.push(overlaid(this.#overlay.items?.[String(index)], item));
    }
    const written = refusal ? { type: "refusal", refusal: text } : { type: "output_text", text };
    this.#content.push(overlaid(this.#overlay.parts?.[String(index)], written));
  }

  #item(index: number, item: Written): void {
    this.#content = undefined;
    this.#input.push(overlaid(this.#overlay.items?.[String(index)], item));
  }

  /** Goes back in its opaque form: its text alone means nothing to the provider. */
  #reasoning(part: ReasoningPart, index: number): void {
    const encrypted = ownSignature(part, formatName, this.#target.warn);
    const carried = this.#overlay.items?.[String(index)];
    if (encrypted === undefined && (carried === undefined || part.signature !== undefined)) {
      if (part.signature === undefined && part.text !== "") {
        this.#target.warn?.("reasoning_dropped: reasoning without its opaque form is not sent");
      }
      return;
    }
    const item = writeReasoning(part.text, encrypted);
    // Where the thought itself was shown, it is not the summary.
    const thought = carried?.["content"];
    const isShown = Array.isArray(thought) && thought.length > 0;
    this.#item(index, isShown ? { ...item, summary: [] } : item);
  }

  #hasItem(index: number): boolean {
    return this.#overlay.items?.[String(index)] !== undefined;
  }
}
