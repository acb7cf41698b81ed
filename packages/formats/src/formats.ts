import type { Format, FormatName } from "./format.ts";
import { openaiChat } from "./openai-chat/openai-chat.ts";

/** Every wire format by its name. */
export const formats: Readonly<Record<FormatName, Format>> = { "openai-chat": openaiChat };
