import codex from "./__fixtures__/codex-request.json" with { type: "json" };
import streams from "./__fixtures__/streams.json" with { type: "json" };

/** A turn of Codex as it asks for it, and streams as the documentation shows them. */
export const documentedResponses = { codexRequest: codex.body, streams };
