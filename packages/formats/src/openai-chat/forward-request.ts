import { MessageRole, type ContentPart, type GenerateRequest, type Message } from "@penstock/api";
import { asciiJson } from "../ascii-json.ts";
import type { BodyEdit, ForwardableBody, FormatQuirks, TargetRequest } from "../format.ts";
import { refusesToolId } from "./write-messages.ts";

/**
 * What of the caller's body must be replaced for a target of the same format: the model, and in
 * streams the wish for usage. Everything else, known or not, arrives as the caller wrote it.
 * Undefined when the target wants something said differently: then the body is written anew.
 */
export function forwardRequest(
  body: ForwardableBody,
  request: GenerateRequest,
  target: TargetRequest,
): BodyEdit | undefined {
  const { quirks } = target;
  const { fields } = body;
  const otherName = quirks.maxTokensField === "max_tokens" ? "max_completion_tokens" : "max_tokens";
  if (fields[otherName] !== undefined) return undefined;
  if (quirks.omitsUser === true && fields["user"] !== undefined) return undefined;
  if (quirks.seedField === "random_seed" && fields["seed"] !== undefined) return undefined;
  for (const message of request.messages) {
    if (isSaidDifferently(message, quirks)) return undefined;
  }
  const asksForUsage = target.stream && quirks.supportsStreamUsage;
  const { start, end } = body.model;
  const name = asciiJson(target.model);
  if (fields["stream_options"] === undefined) {
    // Behind the model, as nothing else has a known place.
    return { start, end, text: asksForUsage ? `${name}${askForUsage}` : name };
  }
  // Usage is always asked for where the target knows how to tell it.
  if (target.stream && body.includeUsage !== asksForUsage) return undefined;
  return { start, end, text: name };
}

const askForUsage = ',"stream_options":{"include_usage":true}';

function isSaidDifferently(message: Message, quirks: FormatQuirks): boolean {
  if (message.rawRole === "developer" && !quirks.sendsDeveloperRole) return true;
  const isThought = message.role === MessageRole.ASSISTANT && quirks.sendsReasoning !== true;
  for (const { part } of message.parts) {
    if (hasRefusedId(part, quirks) || (isThought && part.case === "reasoning")) return true;
  }
  return false;
}

function hasRefusedId(part: ContentPart["part"], quirks: FormatQuirks): boolean {
  if (part.case === "toolCall") return refusesToolId(part.value.id, quirks);
  return part.case === "toolResult" && refusesToolId(part.value.toolCallId, quirks);
}
