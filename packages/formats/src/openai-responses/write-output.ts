import type { ContentPart, TextPart } from "@penstock/api";
import type { CallForms } from "../call-forms.ts";
import { writeLogprobs } from "../logprobs.ts";
import { callPrefixes, writeCalledTool } from "./called-tool.ts";
import { formatName } from "./format-part.ts";
import { writeCitation } from "./read-citation.ts";
import { writeReasoning } from "./reasoning-item.ts";
import { sealSignature } from "./sealed-signature.ts";

type Written = Record<string, unknown>;

/** Makes the ids of an answer's items, from its number and their position. */
export function itemId(
  kind: "msg" | "rs" | "ig" | (typeof callPrefixes)[keyof typeof callPrefixes],
  base: string,
  position: number,
): string {
  return `${kind}_${base}${position.toString(16).padStart(4, "0")}`;
}

/** Writes content as the items of an answer; texts that follow each other are one message. */
export function writeOutput(
  parts: readonly ContentPart[],
  base: string,
  callForms?: CallForms,
): Written[] {
  const items: Written[] = [];
  let content: Written[] | undefined;
  const add = (kind: Parameters<typeof itemId>[0], item: Written): void => {
    content = undefined;
    items.push({ id: itemId(kind, base, items.length), ...item });
  };
  for (const { part } of parts) {
    switch (part.case) {
      case "text":
        if (content === undefined) {
          content = [];
          items.push(newMessage(itemId("msg", base, items.length), content));
        }
        content.push(writeText(part.value));
        break;
      case "citation": {
        const annotations = content?.at(-1)?.["annotations"];
        const annotation = writeCitation(part.value);
        if (Array.isArray(annotations) && annotation !== undefined) annotations.push(annotation);
        break;
      }
      case "reasoning":
        add("rs", writeReasoning(part.value.text, sealSignature(part.value)));
        break;
      case "toolCall": {
        const form = callForms?.get(part.value.name);
        const call = form === undefined ? writeCall(part.value) : writeCalledTool(part.value, form);
        const kind = callPrefixes[form?.kind ?? "function"];
        add(kind, { ...call, encrypted_content: sealSignature(part.value) });
        break;
      }
      case "formatPart":
        content = undefined;
        if (part.value.format === formatName) items.push({ ...part.value.content });
        break;
      case "media":
        if (part.value.source.case === "data") add("ig", writeImage(part.value.source.value));
        break;
      default:
        // Kinds yet unknown have no words in this format.
        break;
    }
  }
  return items;
}

/** A message of the model. */
export function newMessage(id: string, content: Written[], status = "completed"): Written {
  return { id, type: "message", status, role: "assistant", content };
}

/** A text of a message. */
export function writeText({ text, refusal, logprobs }: Omit<TextPart, "$typeName">): Written {
  if (refusal) return { type: "refusal", refusal: text };
  const written = logprobs === undefined ? [] : writeLogprobs(logprobs);
  return { type: "output_text", annotations: [], logprobs: written, text };
}

/** The members of a call that say what a part says. */
export function writeCall(
  call: { id: string; name: string; argumentsJson: string },
  status = "completed",
): Written {
  return {
    type: "function_call",
    status,
    arguments: call.argumentsJson,
    call_id: call.id,
    name: call.name,
  };
}

/** The members of an item with an image that the model made. */
export function writeImage(bytes: Uint8Array): Written {
  return { type: "image_generation_call", status: "completed", result: bytes.toBase64() };
}
