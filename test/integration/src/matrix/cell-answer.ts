import { BlockKind } from "@penstock/api";
import type { CandidateFinish, ContentPart, TokenUsage } from "@penstock/api";
import type { AnswerEnd, StreamEvent } from "@penstock/formats";

/** What a caller got through a door, in words that all doors share. */
export class CellAnswer {
  requestId = "";
  status = 0;
  text = "";
  reasoning = "";
  readonly toolCalls: { name: string; arguments: string }[] = [];
  usage: TokenUsage | undefined;
  finish: CandidateFinish | undefined;
  /** The reason or class of the error, in the words of the door. */
  error: string | undefined;
  readonly #blocks: (
    | { kind: BlockKind; call: { name: string; arguments: string } | undefined }
    | undefined
  )[] = [];

  part({ part }: ContentPart): void {
    if (part.case === "text") this.text += part.value.text;
    else if (part.case === "reasoning") this.reasoning += part.value.text;
    else if (part.case === "toolCall") {
      this.toolCalls.push({ name: part.value.name, arguments: part.value.argumentsJson });
    }
  }

  event(event: StreamEvent): void {
    if (event.case === "blockStarted") {
      const { index, kind, toolName } = event.value;
      const call = kind === BlockKind.TOOL_CALL ? { name: toolName, arguments: "" } : undefined;
      if (call !== undefined) this.toolCalls.push(call);
      this.#blocks[index] = { kind, call };
    } else if (event.case === "blockDelta") {
      const { index, delta } = event.value;
      const block = this.#blocks[index];
      if (delta.case === "argumentsJson" && block?.call) block.call.arguments += delta.value;
      else if (delta.case !== "text") return;
      else if (block?.kind === BlockKind.REASONING) this.reasoning += delta.value;
      else this.text += delta.value;
    }
  }

  end({ candidates, usage }: Pick<AnswerEnd, "candidates" | "usage">): void {
    this.finish = candidates[0];
    this.usage = usage;
  }
}
