import type { Format } from "../format.ts";
import { writeError } from "../openai-chat/write-error.ts";
import { formatName } from "./format-part.ts";
import { forwardRequest } from "./forward-request.ts";
import { plainRequest } from "./plain-request.ts";
import { readError } from "./read-error.ts";
import { readRequest } from "./read-request.ts";
import { readResponse } from "./read-response.ts";
import { createStreamReader } from "./read-stream.ts";
import { relayResponse } from "./relay-response.ts";
import { writeStreamError } from "./write-error.ts";
import { writeRequest } from "./write-request.ts";
import { writeResponse } from "./write-response.ts";
import { createStreamWriter } from "./write-stream.ts";

/** The Responses API of OpenAI, as far as it needs nothing that is stored. */
export const openaiResponses: Format = {
  name: formatName,
  contentType: "application/json",
  streamContentType: "text/event-stream; charset=utf-8",
  relaysStreams: true,
  keepaliveText: ": keep-alive\n\n",
  readRequest,
  plainRequest,
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
