import bedrockStreams from "../bedrock-converse/__fixtures__/streams.json" with { type: "json" };
import { framesOf } from "../bedrock-converse/converse-stream.fixture.ts";
import anthropicStreams from "../anthropic-messages/__fixtures__/streams.json" with { type: "json" };
import type { FormatName } from "../format.ts";
import googleStreams from "../google-generate-content/__fixtures__/streams.json" with { type: "json" };
import openaiChatStreams from "../openai-chat/__fixtures__/streams.json" with { type: "json" };
import openaiResponsesStreams from "../openai-responses/__fixtures__/streams.json" with { type: "json" };
import { bytesOf } from "./format-samples.fixture.ts";
import type { Sample } from "./format-samples.fixture.ts";

/**
 * Streams of each format as its vendor's documentation shows them; where each is from stands
 * beside it, in the format's own folder.
 */
export const documentedStreams: Readonly<Record<FormatName, readonly Sample<Uint8Array>[]>> = {
  "bedrock-converse": bedrockStreams.streams.map(({ name, stream }) => ({
    name,
    value: framesOf(stream),
  })),
  "google-generate-content": googleStreams.streams
    // Without an end mark nobody can know that more follows what says it is finished.
    .filter(({ earlyProof }) => earlyProof !== true)
    .map(({ name, stream, raw }) => ({
      name,
      value: bytesOf([...stream.map((data) => `data: ${data}\r\n\r\n`), raw ?? ""]),
    })),
  "openai-chat": openaiChatStreams.map(({ name, stream }) => ({
    name,
    value: bytesOf(stream.map((data) => `data: ${data}\n\n`)),
  })),
  "openai-responses": openaiResponsesStreams.map(({ name, stream }) => ({
    name,
    value: bytesOf(
      stream.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`),
    ),
  })),
  "anthropic-messages": anthropicStreams.rows.map(({ name, stream }) => ({
    name,
    value: bytesOf(
      stream.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`),
    ),
  })),
};
