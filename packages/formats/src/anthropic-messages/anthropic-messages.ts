import type { Format } from "../format.ts";
import { forwardRequest } from "./forward-request.ts";
import { plainRequest } from "./plain-request.ts";
import { readError } from "./read-error.ts";
import { readRequest } from "./read-request.ts";
import { readResponse } from "./read-response.ts";
import { createStreamReader } from "./read-stream.ts";
import { relayResponse } from "./relay-response.ts";
import { writeError, writeStreamError } from "./write-error.ts";
import { writeRequest } from "./write-request.ts";
import { writeResponse } from "./write-response.ts";
import { createStreamWriter } from "./write-stream.ts";

/** The Messages API of Anthropic and of the servers that speak it. */
export const anthropicMessages: Format = {
  name: "anthropic-messages",
  contentType: "application/json",
  streamContentType: "text/event-stream; charset=utf-8",
  relaysStreams: true,
  keepaliveText: 'event: ping\ndata: {"type":"ping"}\n\n',
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
