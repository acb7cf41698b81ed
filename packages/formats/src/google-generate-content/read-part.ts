import type { ContentPart } from "@penstock/api";
import type { FieldProblems } from "../field-problems.ts";
import { readObject, readText } from "../field-values.ts";
import { reasoningPart, textPart, toolCallPart } from "../openai-chat/content-parts.ts";
import type { CallBook, PartPlace } from "./call-book.ts";
import { formatName } from "./format-name.ts";
import { ownWords } from "./own-words.ts";
import { member, otherMembers } from "./proto-json.ts";
import { readFunctionResponse } from "./read-function-response.ts";
import { readMedia } from "./read-media.ts";

/** A part of a request as read. */
export interface ReadPart {
  /** Usually one; a signature on what is no thought becomes a part of its own behind it. */
  parts: ContentPart[];
  /** Whether it answers a function call. */
  isResult: boolean;
  /** What it carried besides; sent on to a target of this format. */
  extra: Record<string, unknown> | undefined;
}

const idLength = { min: 1, max: 512 };
const nameLength = { min: 1, max: 256 };

/** Kinds of parts with a place in the canonical request; others are for targets of this format. */
const kinds = ["text", "inlineData", "fileData", "functionCall", "functionResponse"] as const;
const known: ReadonlySet<string> = new Set([...kinds, "thought", "thoughtSignature"]);

/** Reads one part. Undefined, and a problem noted, when it is none. */
export function readPart(
  problems: FieldProblems,
  place: PartPlace,
  fields: Record<string, unknown>,
  calls: CallBook,
): ReadPart | undefined {
  const present = kinds.filter((kind) => member(fields, kind) != null);
  const [kind] = present;
  const extra = otherMembers(fields, known);
  if (present.length > 1 || (kind === undefined && extra === undefined)) {
    problems.add(place.path, `must have exactly one of ${kinds.join(", ")}`);
    return undefined;
  }
  if (kind === undefined) {
    return { parts: [ownPart(fields)], isResult: false, extra: undefined };
  }
  const signature = readSignature(problems, place.path, fields);
  const read = readKind(problems, { ...place, kind, fields, signature }, calls);
  return read && { parts: read, isResult: kind === "functionResponse", extra };
}

interface KindOfPart extends PartPlace {
  kind: (typeof kinds)[number];
  fields: Record<string, unknown>;
  signature: string | undefined;
}

function readKind(
  problems: FieldProblems,
  found: KindOfPart,
  calls: CallBook,
): ContentPart[] | undefined {
  const { kind, path, fields, signature } = found;
  const value = member(fields, kind);
  const at = `${path}.${kind}`;
  switch (kind) {
    case "text": {
      const text = readText(problems, at, value);
      if (text === undefined) return undefined;
      if (fields["thought"] === true) return [thoughtPart(text, signature)];
      return signed(textPart(text), signature);
    }
    case "inlineData":
    case "fileData": {
      const media = readMedia(problems, at, value);
      return media && signed(media, signature);
    }
    case "functionCall": {
      const call = readCall(problems, found, calls);
      return call && [call];
    }
    case "functionResponse": {
      const result = readFunctionResponse(problems, { ...found, path: at }, value, calls);
      return result && [result];
    }
  }
}

/** A part that only this format has words for. */
export function ownPart(fields: Record<string, unknown>): ContentPart {
  return {
    $typeName: "penstock.inference.v1.ContentPart",
    part: { case: "formatPart", value: ownWords(fields) },
  };
}

/** A thought, or the proof of one. The issuer is named even without a proof: it may come back. */
export function thoughtPart(text: string, signature: string | undefined): ContentPart {
  const part = reasoningPart(text);
  if (part.part.case === "reasoning") {
    part.part.value.signatureIssuer = formatName;
    if (signature !== undefined) part.part.value.signature = signature;
    part.part.value.redacted = text === "";
  }
  return part;
}

/** A part, and behind it the proof that came with it. */
export function signed(part: ContentPart, signature: string | undefined): ContentPart[] {
  return signature === undefined ? [part] : [part, thoughtPart("", signature)];
}

/** A function call with its proof. */
export function signedCall(
  call: { id: string; name: string; argumentsJson: string },
  signature: string | undefined,
): ContentPart {
  const part = toolCallPart(call.id, call.name, call.argumentsJson);
  if (part.part.case === "toolCall" && signature !== undefined) {
    part.part.value.signature = signature;
    part.part.value.signatureIssuer = formatName;
  }
  return part;
}

function readSignature(
  problems: FieldProblems,
  path: string,
  fields: Record<string, unknown>,
): string | undefined {
  const value = member(fields, "thoughtSignature");
  if (value == null) return undefined;
  return readText(problems, `${path}.thoughtSignature`, value, { min: 1, max: 16_777_216 });
}

function readCall(
  problems: FieldProblems,
  { path, content, part, fields, signature }: KindOfPart,
  calls: CallBook,
): ContentPart | undefined {
  const at = `${path}.functionCall`;
  const call = readObject(problems, at, member(fields, "functionCall"));
  if (call === undefined) return undefined;
  const name = readText(problems, `${at}.name`, call["name"], nameLength);
  const given =
    call["id"] == null ? undefined : readText(problems, `${at}.id`, call["id"], idLength);
  const args = call["args"] == null ? {} : readObject(problems, `${at}.args`, call["args"]);
  if (name === undefined || args === undefined) return undefined;
  const id = calls.begin({ name, given, content, part });
  return signedCall({ id, name, argumentsJson: JSON.stringify(args) }, signature);
}
