import type { Format } from "../format.ts";
import { readError } from "./read-error.ts";
import { readRequest } from "./read-request.ts";
import { readResponse } from "./read-response.ts";
import { createStreamReader } from "./read-stream.ts";
import { writeError, writeStreamError } from "./write-error.ts";
import { writeRequest } from "./write-request.ts";
import { writeResponse } from "./write-response.ts";
import { createStreamWriter } from "./write-stream.ts";

/**
 * The Converse and ConverseStream operations of Amazon Bedrock. Streams are binary frames. Bodies
 * are always read and written anew: no answer tells its model, and whole answers have no id.
 */
export const bedrockConverse: Format = {
  name: "bedrock-converse",
  contentType: "application/json",
  streamContentType: "application/vnd.amazon.eventstream",
  streamEncoding: "latin1",
  // Frames have no comments.
  keepaliveText: "",
  readRequest,
  writeRequest,
  forwardRequest: () => undefined,
  relayResponse: () => undefined,
  readResponse,
  writeResponse,
  createStreamReader,
  createStreamWriter,
  readError,
  writeError,
  writeStreamError,
};
