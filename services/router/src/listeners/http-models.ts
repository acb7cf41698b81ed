import type { ServerResponse } from "node:http";
import type { Format } from "@penstock/formats";
import { newUuidV7 } from "@penstock/runtime";
import { findModel, listModels } from "../pipeline/list-models.ts";
import type { PipelineParts } from "../pipeline/pipeline-parts.ts";
import type { Snapshot } from "@penstock/snapshot";
import { describeModel } from "./describe-model.ts";
import { writeHttpError } from "./http-downstream.ts";
import type { ModelsEndpoint } from "./http-endpoints.ts";

/** Answers with the models that the key may ask for, or one of them, in the shape of OpenAI. */
export function writeModels(
  response: ServerResponse,
  token: string,
  endpoint: ModelsEndpoint,
  options: { readonly parts: PipelineParts; readonly currentSnapshot: () => Snapshot | undefined },
): void {
  const { format } = endpoint;
  const requestId = newUuidV7();
  const headers = ["x-request-id", requestId];
  const snapshot = options.currentSnapshot();
  const found =
    endpoint.operation === "list_models"
      ? listModels(snapshot, token, options.parts)
      : findModel(endpoint.model, snapshot, token, options.parts);
  if ("error" in found) {
    writeHttpError(response, format, { error: found.error, requestId, headers });
    return;
  }
  const data = found.models.map(describeModel);
  const isList = endpoint.operation === "list_models";
  writeJson(response, format, isList ? { object: "list", data } : data[0], headers);
}

function writeJson(
  response: ServerResponse,
  format: Format,
  value: unknown,
  headers: string[],
): void {
  const text = JSON.stringify(value);
  headers.push("content-type", format.contentType);
  headers.push("content-length", String(Buffer.byteLength(text)));
  response.writeHead(200, headers);
  response.end(text);
}
