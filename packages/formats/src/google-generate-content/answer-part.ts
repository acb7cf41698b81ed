import { localFailure } from "../failure-to-error.ts";
import { isJsonObject } from "../read-json.ts";
import { issuedCallId, makeCallId } from "./call-id.ts";
import { formatName } from "./format-name.ts";
import { decodeBase64 } from "./read-media.ts";

/** A part of an answer, by the few kinds that have a place in the canonical one. */
export type AnswerPart =
  | { kind: "text" | "thought"; text: string; signature: string | undefined }
  | {
      kind: "call";
      id: string;
      name: string;
      argumentsJson: string;
      signature: string | undefined;
    }
  | { kind: "media"; mediaType: string; data: Uint8Array; signature: string | undefined }
  | { kind: "own"; name: string; fields: Record<string, unknown> };

/** What the id of a call is made of where the answer gives none. */
export interface CallNumbering {
  responseId: string;
  /** Calls of the answer so far, over all candidates. */
  calls: number;
}

/** Reads a part of an answer. Throws UPSTREAM_MALFORMED when a known kind is not what it should be. */
export function readAnswerPart(
  fields: Record<string, unknown>,
  numbering: CallNumbering,
): AnswerPart {
  const { text, functionCall, inlineData, thoughtSignature } = fields;
  const signature =
    typeof thoughtSignature === "string" && thoughtSignature !== "" ? thoughtSignature : undefined;
  if (functionCall != null) return readCall(functionCall, signature, numbering);
  if (inlineData != null) return readInlineData(inlineData, signature);
  if (typeof text === "string") {
    return { kind: fields["thought"] === true ? "thought" : "text", text, signature };
  }
  if (signature !== undefined) return { kind: "text", text: "", signature };
  return { kind: "own", name: Object.keys(fields)[0]?.slice(0, 64) ?? "", fields };
}

function readCall(
  call: unknown,
  signature: string | undefined,
  numbering: CallNumbering,
): AnswerPart {
  if (!isJsonObject(call) || typeof call["name"] !== "string" || call["name"] === "") {
    throw localFailure("MALFORMED", "a function call has no name");
  }
  const argumentsJson = JSON.stringify(call["args"] ?? {});
  const name = call["name"].slice(0, 256);
  const given = typeof call["id"] === "string" ? call["id"].slice(0, 256) : "";
  const ordinal = numbering.calls++;
  const id =
    given === ""
      ? makeCallId(numbering.responseId, ordinal, name + argumentsJson)
      : issuedCallId(given);
  return { kind: "call", id, name, argumentsJson, signature };
}

function readInlineData(value: unknown, signature: string | undefined): AnswerPart {
  const { mimeType, data }: Record<string, unknown> = isJsonObject(value) ? value : {};
  const bytes = typeof data === "string" ? decodeBase64(data) : undefined;
  if (bytes === undefined) throw localFailure("MALFORMED", "inline data is not base64");
  const mediaType = typeof mimeType === "string" ? mimeType.slice(0, 128) : "";
  return { kind: "media", mediaType, data: bytes, signature };
}

/** What the caller learns about a part that callers of other formats don't get. */
export function ownWordsWarning(name: string): string {
  return `own_words: ${name.replace(/\W/g, "")} of the answer has words in ${formatName} alone`;
}
