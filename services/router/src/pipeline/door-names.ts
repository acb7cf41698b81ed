import { Door } from "@penstock/api";

/** What traces and metrics call an HTTP door. */
export interface DoorNames {
  /** The route, as `http.route` has it. */
  readonly route: string;
  /** The vendor's API that it is compatible with. */
  readonly shape: string;
  /** Method and route: the name of server spans, and a label of metrics. */
  readonly operation: string;
}

function post(route: string, shape: string): DoorNames {
  return { route, shape, operation: `POST ${route}` };
}

const chat = post("/v1/chat/completions", "openai.chat");
const doors = new Map<Door, DoorNames>([
  [Door.OPENAI_CHAT, chat],
  [Door.OPENAI_RESPONSES, post("/v1/responses", "openai.responses")],
  [Door.OPENAI_EMBEDDINGS, post("/v1/embeddings", "openai.embeddings")],
  [Door.ANTHROPIC_MESSAGES, post("/v1/messages", "anthropic.messages")],
  [Door.OPENAI_INPUT_TOKENS, post("/v1/responses/input_tokens", "openai.input_tokens")],
  [Door.ANTHROPIC_COUNT_TOKENS, post("/v1/messages/count_tokens", "anthropic.count_tokens")],
]);

/** Doors whose requests traces and metrics can name. */
export const namedDoors: ReadonlySet<Door> = new Set(doors.keys());

/** Names of an HTTP door. */
export function doorNames(door: Door): DoorNames {
  return doors.get(door) ?? chat;
}
