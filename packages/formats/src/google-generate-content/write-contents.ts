import { MessageRole, type Message } from "@penstock/api";
import type { TargetRequest } from "../format.ts";
import { isJsonObject } from "../read-json.ts";
import { cannotSay } from "./cannot-say.ts";
import { refusesResultMedia } from "./model-rules.ts";
import { writeParts } from "./write-parts.ts";

type Written = Record<string, unknown>;

/** The conversation as the body has it. */
export interface WrittenContents {
  contents: Written[];
  systemInstruction: Written | undefined;
}

/**
 * Writes the conversation. All instructions stand above it; results of tools that follow each other
 * are one content, since the API wants those of one step together. `extras` are unknown members by
 * position of the message.
 */
export function writeContents(
  messages: readonly Message[],
  target: TargetRequest,
  extras: unknown,
): WrittenContents {
  const writer = new ContentsWriter(target, isJsonObject(extras) ? extras : undefined);
  for (let index = 0; index < messages.length; index += 1) {
    writer.message(messages[index] as Message, index);
  }
  return writer.end();
}

/** What a message has besides what is known of messages. */
interface Besides {
  /** Of its parts. */
  readonly content: unknown;
  readonly others: Written;
}

const nothingElse: Besides = { content: undefined, others: Object.freeze({}) };

function apart({ content, ...others }: Written): Besides {
  return { content, others };
}

class ContentsWriter {
  readonly #target: TargetRequest;
  readonly #extras: Written | undefined;
  readonly #names = new Map<string, string>();
  readonly #contents: Written[] = [];
  readonly #system: Written[] = [];
  #systemExtras: Written | undefined;
  /** Parts of the last content while that is one of results. */
  #results: Written[] | undefined;
  /** Media of these results, where the model takes none within them. */
  #media: Written[] = [];

  constructor(target: TargetRequest, extras: Written | undefined) {
    this.#target = target;
    this.#extras = extras;
  }

  message(message: Message, index: number): void {
    const extras = this.#extras?.[String(index)];
    const { content, others } = isJsonObject(extras) ? apart(extras) : nothingElse;
    const path = `messages[${index}]`;
    const isResult = message.role === MessageRole.TOOL;
    if (message.name !== undefined && !isResult) {
      this.#target.warn?.("parameter_dropped: name of a speaker");
    }
    const parts = writeParts(message, {
      target: this.#target,
      names: this.#names,
      extras: isJsonObject(content) ? content : undefined,
      path,
    });
    if (!isResult) this.#endResults();
    switch (message.role) {
      case MessageRole.SYSTEM:
        this.#addSystem(parts, others, path);
        return;
      case MessageRole.TOOL:
        this.#addResults(parts, others, path);
        return;
      case MessageRole.USER:
      case MessageRole.ASSISTANT:
        // The API refuses a content without parts, such as one of thoughts that stayed behind.
        if (parts.length > 0) this.#addTurn(message.role, parts, others);
        return;
      default:
        throw cannotSay(`${path}.role`, "an unknown role");
    }
  }

  end(): WrittenContents {
    this.#endResults();
    const system = this.#system;
    if (this.#contents.length === 0 && system.length > 0) {
      // A conversation of instructions alone is none here.
      this.#target.warn?.("approximated: instructions alone are sent as a question");
      return { contents: [{ role: "user", parts: system }], systemInstruction: undefined };
    }
    const systemInstruction =
      system.length === 0 ? undefined : { ...this.#systemExtras, parts: system };
    return { contents: this.#contents, systemInstruction };
  }

  /** The two speakers take turns: a call must follow what it answers at once. */
  #addTurn(speaker: MessageRole, parts: Written[], others: Written): void {
    const role = speaker === MessageRole.USER ? "user" : "model";
    const last = this.#contents.at(-1);
    const goesOn =
      this.#results === undefined && last?.["role"] === role && Object.keys(others).length === 0;
    this.#results = undefined;
    if (goesOn && Array.isArray(last?.["parts"])) last["parts"].push(...parts);
    else this.#contents.push({ ...others, role, parts });
  }

  #addSystem(parts: Written[], others: Written, path: string): void {
    const other = parts.findIndex((part) => !("text" in part));
    if (other >= 0) throw cannotSay(`${path}.parts[${other}]`, "an instruction of media");
    if (this.#contents.length > 0) {
      this.#target.warn?.("approximated: instructions amid the conversation stand above it");
    }
    this.#system.push(...parts);
    if (others !== nothingElse.others) this.#systemExtras = { ...this.#systemExtras, ...others };
  }

  #addResults(parts: Written[], others: Written, path: string): void {
    const other = parts.findIndex((part) => !("functionResponse" in part));
    if (other >= 0) {
      const at = `${path}.parts[${other}]`;
      throw cannotSay(at, "other content in a message of tool results");
    }
    if (refusesResultMedia(this.#target.model)) this.#takeMedia(parts);
    if (this.#results !== undefined) {
      this.#results.push(...parts);
      return;
    }
    this.#results = parts;
    this.#contents.push({ ...others, role: "user", parts });
  }

  /** Models before the third generation refuse media within results. */
  #takeMedia(parts: readonly Written[]): void {
    for (const { functionResponse: response } of parts) {
      if (!isJsonObject(response) || !Array.isArray(response["parts"])) continue;
      const told = `Media of the result of ${String(response["name"])}:`;
      this.#media.push({ text: told }, ...(response["parts"] as Written[]));
      delete response["parts"];
      this.#target.warn?.("approximated: media of results follow in a content of the user");
    }
  }

  /** Media of results follow them, as results must stand alone. */
  #endResults(): void {
    if (this.#media.length === 0) return;
    this.#contents.push({ role: "user", parts: this.#media });
    this.#media = [];
    this.#results = undefined;
  }
}
