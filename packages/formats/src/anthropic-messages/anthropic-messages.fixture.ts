import { BlockKind, type ContentPart } from "@penstock/api";
import { nameOf } from "../conformance/read-outcome.fixture.ts";
import type { StreamEvent } from "../format.ts";

/** Events as a server of the format sends them. */
export const sse = (events: readonly { type: string }[]): string =>
  events.map((one) => `event: ${one.type}\ndata: ${JSON.stringify(one)}\n\n`).join("");

/** An event in one line. */
export function describeEvent(event: StreamEvent): string {
  switch (event.case) {
    case "blockStarted": {
      const { index, candidate, kind, toolCallId, toolName, redacted } = event.value;
      const of = `start ${index} of ${candidate} ${nameOf(BlockKind, kind)}`;
      const rest = redacted === true ? "redacted" : `${toolCallId} ${toolName}`;
      return `${of} ${rest}`.trim();
    }
    case "blockDelta": {
      const { index, delta } = event.value;
      const value = delta.case === "formatDelta" ? JSON.stringify(delta.value) : delta.value;
      return `${index} += ${String(value)}`;
    }
    case "blockEnded":
      return `end ${event.value.index} ${event.value.signature ?? ""}`.trim();
    default:
      return event.case;
  }
}

/** A part as a list of what matters in it. */
export function describePart({ part }: ContentPart): unknown[] {
  switch (part.case) {
    case "text":
      return ["text", part.value.text];
    case "reasoning":
      return ["reasoning", part.value.text, part.value.signature, part.value.redacted];
    case "toolCall":
      return ["toolCall", part.value.id, part.value.name, part.value.argumentsJson];
    case "citation": {
      const { uri = null, title, quotedText } = part.value;
      return ["citation", uri, title, quotedText];
    }
    case "formatPart":
      return ["formatPart", part.value.content?.["type"]];
    default:
      return [part.case];
  }
}
