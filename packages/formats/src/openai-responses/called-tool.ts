import type { CallForm } from "../call-forms.ts";
import { isJsonObject } from "../read-json.ts";
import { textArgument } from "./tool-book.ts";

type Written = Record<string, unknown>;

/** The call of a function that stands for another tool. */
interface Call {
  readonly id: string;
  readonly argumentsJson: string;
}

/** What ids of the items begin with. */
export const callPrefixes = { function: "fc", custom: "ctc", tool_search: "tsc" } as const;

/** The members of an item by which the caller's own tool is called. */
export function writeCalledTool(call: Call, form: CallForm, status = "completed"): Written {
  const { kind, name, namespace } = form;
  const { id, argumentsJson } = call;
  switch (kind) {
    case "custom":
      return {
        type: "custom_tool_call",
        status,
        call_id: id,
        name,
        namespace,
        input: textOf(argumentsJson),
      };
    case "tool_search": {
      const found = parsed(argumentsJson);
      const given = isJsonObject(found) ? found : {};
      return {
        type: "tool_search_call",
        status,
        call_id: id,
        execution: "client",
        arguments: given,
      };
    }
    case "function":
      return {
        type: "function_call",
        status,
        arguments: argumentsJson,
        call_id: id,
        name,
        namespace,
      };
  }
}

/** The text that a tool is called with; a model that did not wrap it has written the text itself. */
export function textOf(argumentsJson: string): string {
  const found = parsed(argumentsJson);
  const text = isJsonObject(found) ? found[textArgument] : undefined;
  return typeof text === "string" ? text : argumentsJson;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
