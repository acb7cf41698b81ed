import type { ContentPart, Message, ToolResultPart } from "@penstock/api";
import type { TargetRequest } from "../format.ts";
import type { ToolIds } from "../tool-ids.ts";
import {
  cannotSay,
  kindOf,
  writeContent,
  writePart,
  type ContentOptions,
} from "./write-content.ts";

type Written = Record<string, unknown>;

/** What a message of results is written with. */
export interface ResultWriting {
  readonly path: string;
  readonly target: TargetRequest;
  readonly ids: ToolIds;
  readonly media: ResultMedia;
  readonly options: ContentOptions;
}

/**
 * Media that tools returned. A result has only text in this format, so that they follow behind all
 * results of a turn in a message of the user.
 */
export class ResultMedia {
  #content: Written[] = [];

  /** Media among the parts of the result of a call, which stands at the path. */
  add(
    id: string,
    parts: readonly ContentPart[],
    { path, target }: Pick<ResultWriting, "path" | "target">,
  ): void {
    if (!parts.some(({ part }) => part.case === "media")) return;
    target.warn?.("approximated: media of tool results follow in a message of the user");
    this.#content.push({ type: "text", text: `Media of the result of call ${id}:` });
    for (const [index, part] of parts.entries()) {
      if (part.part.case !== "media") continue;
      this.#content.push(writePart(part, `${path}.parts[${index}]`));
    }
  }

  /** The results of a turn are all there. */
  endResults(messages: Written[]): void {
    if (this.#content.length === 0) return;
    messages.push({ role: "user", content: this.#content });
    this.#content = [];
  }
}

/** One message of this format per result, since it can hold only one. */
export function writeResults({ parts, name }: Message, writing: ResultWriting): Written[] {
  const { path, target, ids } = writing;
  return parts.map((part, index) => {
    if (part.part.case !== "toolResult") {
      throw cannotSay(`${path}.parts[${index}]`, `${kindOf(part)} in a message of tool results`);
    }
    const result: ToolResultPart = part.part.value;
    if (result.isError) target.warn?.("parameter_dropped: that a tool failed");
    const id = ids.idFor(result.toolCallId);
    const content = writeResult(part, { id, index }, writing);
    return { role: "tool", tool_call_id: id, content, name };
  });
}

function writeResult(
  { part, cacheMarker }: ContentPart,
  { id, index }: { readonly id: string; readonly index: number },
  writing: ResultWriting,
): string | Written[] {
  const { media, options } = writing;
  const path = `${writing.path}.parts[${index}]`;
  const all = part.case === "toolResult" ? part.value.parts : [];
  for (const [at, one] of all.entries()) {
    if (one.part.case === "text" || one.part.case === "media") continue;
    throw cannotSay(`${path}.parts[${at}]`, `${kindOf(one)} in a tool result`);
  }
  const parts = all.filter((one) => one.part.case === "text");
  media.add(id, all, { path, target: writing.target });
  const last = parts.at(-1);
  if (last === undefined) return all.length === 0 ? "" : "The result is media, which follow.";
  if (!options.marks || cacheMarker === undefined) return writeContent(parts, path, options);
  // A mark on the result is one on the end of it.
  return writeContent([...parts.slice(0, -1), { ...last, cacheMarker }], path, options);
}
