import { MessageRole, type Message } from "@penstock/api";
import type { JsonObject, TargetRequest } from "../format.ts";
import { isJsonObject } from "../read-json.ts";
import { cannotSay } from "./own-words.ts";
import { writeBlocks, writeContent, writePlainBlocks } from "./write-blocks.ts";

type Written = Record<string, unknown>;

/** The conversation in this format. */
export interface WrittenMessages {
  /** Undefined: there are no instructions. */
  system: string | readonly Written[] | undefined;
  messages: readonly Written[];
}

/**
 * Writes the conversation. `extras` are members by position of the message, as `readMessages` found
 * them; they never replace a known one. Results of parallel tools, and what the user says after
 * them, become one message, as the format wants all results at once.
 */
export function writeMessages(
  messages: readonly Message[],
  target: TargetRequest,
  extras: unknown,
): WrittenMessages {
  const writer = new MessagesWriter(target, isJsonObject(extras) ? extras : undefined);
  for (let index = 0; index < messages.length; index += 1) {
    writer.add(messages[index] as Message, index);
  }
  return writer.end();
}

interface Turn {
  /** Members besides role and content. */
  readonly others: Written | undefined;
  readonly role: "user" | "assistant" | "system";
  readonly content: Written[];
  /** True while it has nothing but results of tools. */
  results: boolean;
}

class MessagesWriter {
  readonly #target: TargetRequest;
  readonly #extras: Readonly<Record<string, unknown>> | undefined;
  readonly #system: Written[] = [];
  readonly #turns: Turn[] = [];

  constructor(target: TargetRequest, extras: Readonly<Record<string, unknown>> | undefined) {
    this.#target = target;
    this.#extras = extras;
  }

  add(message: Message, index: number): void {
    const own = this.#extras?.[String(index)];
    const extras = isJsonObject(own) ? (own as JsonObject) : undefined;
    const path = `messages[${index}]`;
    const blocks =
      (extras === undefined ? writePlainBlocks(message.parts) : undefined) ??
      writeBlocks(message.parts, { target: this.#target, path, extras: extras?.["content"] });
    if (message.name !== undefined) {
      this.#target.warn?.("name_dropped: speakers have no names in this format");
    }
    if (message.role === MessageRole.SYSTEM && message.rawRole !== "system") {
      this.#addInstructions(blocks);
      return;
    }
    // What was left out may have been all of it.
    if (blocks.length > 0) this.#addTurn(message, path, blocks, othersOf(extras));
  }

  end(): WrittenMessages {
    this.#trimPrefill();
    return {
      system: this.#system.length === 0 ? undefined : writeContent(this.#system),
      messages: this.#turns.map(writeTurn),
    };
  }

  /** The format refuses white space at the end of an answer that the model is to go on with. */
  #trimPrefill(): void {
    const turn = this.#turns.at(-1);
    const last = turn?.role === "assistant" ? turn.content.at(-1) : undefined;
    if (last?.["type"] === "text") last["text"] = String(last["text"]).trimEnd();
  }

  #addInstructions(blocks: readonly Written[]): void {
    if (this.#turns.length > 0) {
      const moved = "instructions within the conversation are sent before it";
      this.#target.warn?.(`system_message_moved: ${moved}`);
    }
    this.#system.push(...blocks);
  }

  #addTurn(message: Message, path: string, blocks: Written[], others: Written | undefined): void {
    const role = roleOf(message, path);
    const results = message.role === MessageRole.TOOL;
    const last = this.#turns.at(-1);
    if (role === "user" && last?.role === "user" && last.results) {
      last.content.push(...blocks);
      last.results = results;
      return;
    }
    this.#turns.push({ others, role, content: blocks, results });
  }
}

function writeTurn({ others, role, content }: Turn): Written {
  const written = { role, content: writeContent(content) };
  return others === undefined ? written : { ...others, ...written };
}

function othersOf(extras: JsonObject | undefined): Written | undefined {
  if (extras === undefined) return undefined;
  const { content: _ofBlocks, ...others } = extras;
  return others;
}

function roleOf({ role }: Message, path: string): Turn["role"] {
  switch (role) {
    case MessageRole.ASSISTANT:
      return "assistant";
    case MessageRole.USER:
    case MessageRole.TOOL:
      return "user";
    case MessageRole.SYSTEM:
      return "system";
    default:
      throw cannotSay(`${path}.role`, "an unknown role");
  }
}
