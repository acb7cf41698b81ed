import type { ServerResponse } from "node:http";
import type { Format } from "@penstock/formats";
import { newUuidV7 } from "@penstock/runtime";
import { listModels } from "../pipeline/list-models.ts";
import type { PipelineParts } from "../pipeline/pipeline-parts.ts";
import type { Snapshot } from "@penstock/snapshot";
import { writeHttpError } from "./http-downstream.ts";

/** Answers with the models that the key may ask for, in the shape of OpenAI's list. */
export function writeModelList(
  response: ServerResponse,
  token: string,
  format: Format,
  options: { readonly parts: PipelineParts; readonly currentSnapshot: () => Snapshot | undefined },
): void {
  const requestId = newUuidV7();
  const headers = ["x-request-id", requestId];
  const found = listModels(options.currentSnapshot(), token, options.parts);
  if ("error" in found) {
    writeHttpError(response, format, { error: found.error, requestId, headers });
    return;
  }
  const data = found.models.map(({ name }) => ({
    id: name,
    object: "model",
    created: 0,
    owned_by: "penstock",
  }));
  const text = JSON.stringify({ object: "list", data });
  headers.push("content-type", format.contentType);
  headers.push("content-length", String(Buffer.byteLength(text)));
  response.writeHead(200, headers);
  response.end(text);
}
