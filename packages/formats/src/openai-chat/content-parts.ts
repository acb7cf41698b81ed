import type { CitationPart, ContentPart, MediaPart } from "@penstock/api";

// Plain literals instead of `create()`: the same objects, checked by the compiler, several times
// cheaper on the request path.

/** A part of plain text, or of the text by which a model refuses. */
export function textPart(text: string, refusal = false): ContentPart {
  return {
    $typeName: "penstock.inference.v1.ContentPart",
    part: {
      case: "text",
      value: { $typeName: "penstock.inference.v1.TextPart", text, refusal },
    },
  };
}

/** A part with what the model thought. */
export function reasoningPart(text: string): ContentPart {
  return {
    $typeName: "penstock.inference.v1.ContentPart",
    part: {
      case: "reasoning",
      value: { $typeName: "penstock.inference.v1.ReasoningPart", text, redacted: false },
    },
  };
}

/** A part with the call of a tool. */
export function toolCallPart(id: string, name: string, argumentsJson: string): ContentPart {
  return {
    $typeName: "penstock.inference.v1.ContentPart",
    part: {
      case: "toolCall",
      value: { $typeName: "penstock.inference.v1.ToolCallPart", id, name, argumentsJson },
    },
  };
}

/** A part with the result of a tool. */
export function toolResultPart(toolCallId: string, parts: ContentPart[]): ContentPart {
  return {
    $typeName: "penstock.inference.v1.ContentPart",
    part: {
      case: "toolResult",
      value: {
        $typeName: "penstock.inference.v1.ToolResultPart",
        toolCallId,
        parts,
        isError: false,
      },
    },
  };
}

/** A part with an image, audio or a file. */
export function mediaPart(fields: Omit<MediaPart, "$typeName">): ContentPart {
  return {
    $typeName: "penstock.inference.v1.ContentPart",
    part: { case: "media", value: { $typeName: "penstock.inference.v1.MediaPart", ...fields } },
  };
}

/** A part with a source that the model cites. */
export function citationPart(citation: CitationPart): ContentPart {
  return {
    $typeName: "penstock.inference.v1.ContentPart",
    part: { case: "citation", value: citation },
  };
}
