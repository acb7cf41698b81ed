import { isJsonObject } from "../read-json.ts";

/**
 * The arguments of a tool call as the object that this format wants. What a model wrote that is
 * none, such as arguments that were cut, is wrapped in the way that Anthropic's documentation of
 * fine-grained tool streaming recommends, so that nothing of it is lost.
 */
export function toolInput(argumentsJson: string): Record<string, unknown> {
  if (argumentsJson.trim() === "") return {};
  try {
    const value: unknown = JSON.parse(argumentsJson);
    if (isJsonObject(value)) return value;
  } catch {
    // Told below.
  }
  return { INVALID_JSON: argumentsJson };
}

/** An id of a tool call with the characters alone that this format takes, the same every time. */
export function toolId(id: string): string {
  return plain.test(id) ? id : id.replace(/[^\w-]/g, "_");
}

const plain = /^[\w-]+$/;
