import type { Format } from "../format.ts";
import { forwardRequest } from "./forward-request.ts";
import { readError } from "./read-error.ts";
import { readRequest } from "./read-request.ts";
import { readResponse } from "./read-response.ts";
import { relayResponse } from "./relay-response.ts";
import { createStreamReader } from "./read-stream.ts";
import { writeError, writeStreamError } from "./write-error.ts";
import { writeRequest } from "./write-request.ts";
import { writeResponse } from "./write-response.ts";
import { createStreamWriter } from "./write-stream.ts";

/** The Chat Completions API of OpenAI and of the many servers that speak it. */
export const openaiChat: Format = {
  name: "openai-chat",
  contentType: "application/json",
  streamContentType: "text/event-stream; charset=utf-8",
  relaysStreams: true,
  keepaliveText: ": keep-alive\n\n",
  readRequest,
  writeRequest,
  forwardRequest,
  relayResponse,
  readResponse,
  writeResponse,
  createStreamReader,
  createStreamWriter,
  readError,
  writeError,
  writeStreamError,
};
