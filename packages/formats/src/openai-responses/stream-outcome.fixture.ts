import { BlockKind } from "@penstock/api";
import { nameOf } from "../conformance/read-outcome.fixture.ts";
import type { StreamEvent } from "../format.ts";

/** Events as a server writes them. */
export const sse = (events: readonly { type: string }[]): string =>
  events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join("");

/** An event in one line. */
export function describeEvent(event: StreamEvent): string {
  switch (event.case) {
    case "blockStarted": {
      const { index, kind, toolCallId, toolName, citation, formatPart } = event.value;
      const own = String(formatPart?.content?.["type"] ?? citation?.uri ?? "");
      const words = [`start ${index}`, nameOf(BlockKind, kind), toolCallId, toolName, own];
      return words.filter((word) => word !== "").join(" ");
    }
    case "blockDelta": {
      const { delta, index, logprobs } = event.value;
      const isOwn = delta.case === "formatDelta";
      const value = isOwn ? delta.value["type"] : delta.value;
      const tokens = logprobs?.tokens.map((one) => `${one.token} ${one.logprob} ${one.top.length}`);
      return `${index} += ${String(value)}${tokens === undefined ? "" : ` [${tokens.join()}]`}`;
    }
    case "blockEnded": {
      const { index, signature, signatureIssuer } = event.value;
      return `end ${index}${signature === undefined ? "" : ` signed ${signature} by ${signatureIssuer}`}`;
    }
    default:
      return event.case;
  }
}
