import type { Format } from "../format.ts";
import { createStreamReader } from "./read-stream.ts";
import { createStreamWriter } from "./write-stream.ts";
import { formatName } from "./format-name.ts";
import { readError } from "./read-error.ts";
import { readRequest } from "./read-request.ts";
import { readResponse } from "./read-response.ts";
import { writeError, writeStreamError } from "./write-error.ts";
import { forwardRequest, writeRequest } from "./write-request.ts";
import { writeResponse } from "./write-response.ts";

/** `generateContent` and `streamGenerateContent` of the Gemini API and of Vertex AI. */
export const googleGenerateContent: Format = {
  name: formatName,
  contentType: "application/json; charset=UTF-8",
  streamContentType: "text/event-stream",
  keepaliveText: ": keep-alive\r\n\r\n",
  readRequest,
  writeRequest,
  forwardRequest,
  // An answer names its model and counts anew for each caller; it is always written again.
  relayResponse: () => undefined,
  readResponse,
  writeResponse,
  createStreamReader,
  createStreamWriter,
  readError,
  writeError,
  writeStreamError,
};
