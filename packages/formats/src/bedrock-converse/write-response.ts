import type { ContentPart, TokenUsage } from "@penstock/api";
import type { Answer, AnswerEnd, AnswerIdentity } from "../format.ts";
import { isJsonObject } from "../read-json.ts";
import { writeCitation } from "./content-parts.ts";
import { mediaKindOf } from "./media-kinds.ts";
import { writeStopReason } from "./stop-reason.ts";
import { writeUsage } from "./usage.ts";

type Written = Record<string, unknown>;

/** Writes a whole answer: its first candidate, since the format knows only one. */
export function writeResponse(
  answer: Answer,
  _identity: AnswerIdentity,
  usage: TokenUsage,
): string {
  const [candidate] = answer.candidates;
  const finish = candidate?.finish;
  return JSON.stringify({
    output: { message: { role: "assistant", content: writeParts(candidate?.parts ?? []) } },
    stopReason: finish === undefined ? "end_turn" : writeStopReason(finish.reason),
    usage: writeUsage(usage),
    additionalModelResponseFields: finish?.details,
    serviceTier: writeServiceTier(answer.end),
  });
}

/** The tier that served the request, where it is known. */
export function writeServiceTier({ serviceTier: type }: AnswerEnd): Written | undefined {
  return type === undefined ? undefined : { type };
}

/** Citations stand in one block with the text before them. */
function writeParts(parts: readonly ContentPart[]): Written[] {
  const blocks: Written[] = [];
  for (const { part } of parts) {
    switch (part.case) {
      case "text":
        blocks.push({ text: part.value.text });
        break;
      case "citation":
        addCitation(blocks, writeCitation(part.value));
        break;
      case "reasoning":
        blocks.push({ reasoningContent: writeThought(part.value) });
        break;
      case "toolCall": {
        const { id, name, argumentsJson } = part.value;
        blocks.push({ toolUse: { toolUseId: id, name, input: readInput(argumentsJson) } });
        break;
      }
      case "media": {
        const { source, mediaType = "" } = part.value;
        const kind = mediaKindOf(mediaType, "");
        if (source.case !== "data" || kind === undefined) break;
        const { block, format } = kind;
        blocks.push({ [block]: { format, source: { bytes: source.value.toBase64() } } });
        break;
      }
      case "formatPart":
        if (part.value.format === "bedrock-converse") blocks.push({ ...part.value.content });
        break;
      default:
        // The format has no words for results of tools and kinds yet unknown in an answer.
        break;
    }
  }
  return blocks;
}

function addCitation(blocks: Written[], citation: Written): void {
  const last = blocks.at(-1);
  const cited = last?.["citationsContent"];
  if (isJsonObject(cited) && Array.isArray(cited["citations"])) cited["citations"].push(citation);
  else if (typeof last?.["text"] === "string") {
    const { text } = last;
    blocks[blocks.length - 1] = {
      citationsContent: { content: [{ text }], citations: [citation] },
    };
  } else blocks.push({ citationsContent: { content: [], citations: [citation] } });
}

function writeThought(thought: {
  text: string;
  signature?: string | undefined;
  redacted: boolean;
}): Written {
  const { text, signature, redacted } = thought;
  return redacted ? { redactedContent: signature } : { reasoningText: { text, signature } };
}

/** Arguments that are no JSON are the model's mistake; the caller gets them as they are. */
function readInput(argumentsJson: string): unknown {
  if (argumentsJson === "") return {};
  try {
    return JSON.parse(argumentsJson) as unknown;
  } catch {
    return argumentsJson;
  }
}
