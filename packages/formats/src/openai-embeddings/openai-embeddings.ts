import type { EmbeddingFormat } from "../embedding-format.ts";
import { readError } from "../openai-chat/read-error.ts";
import { readRequest } from "./read-request.ts";
import { relayResponse } from "./relay-response.ts";
import { readResponse } from "./read-response.ts";
import { writeRequest } from "./write-request.ts";
import { writeResponse } from "./write-response.ts";

/** The Embeddings API of OpenAI and of the many servers that speak it. */
export const openaiEmbeddings: EmbeddingFormat = {
  name: "openai-embeddings",
  readRequest,
  writeRequest,
  relayResponse,
  readResponse,
  writeResponse,
  readError,
};
