import type { ServerResponse } from "node:http";
import type { Model } from "@penstock/api";
import type { Format } from "@penstock/formats";
import { newUuidV7 } from "@penstock/runtime";
import { findModel, listModels } from "../pipeline/list-models.ts";
import type { PipelineParts } from "../pipeline/pipeline-parts.ts";
import type { Snapshot } from "@penstock/snapshot";
import { requestIdHeader } from "./answer-headers.ts";
import { anthropicModel, anthropicModelPage } from "./anthropic-models.ts";
import { describeModel } from "./describe-model.ts";
import { writeHttpError } from "./http-downstream.ts";
import type { ModelsEndpoint } from "./http-endpoints.ts";

/** Answers with the models that the key may ask for, or one of them, in the shape of the format. */
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
  headers.push(...requestIdHeader(format, requestId));
  const write = format.name === "anthropic-messages" ? anthropicShape : openaiShape;
  writeJson(response, format, write(endpoint, found.models), headers);
}

function openaiShape(endpoint: ModelsEndpoint, models: readonly Model[]): unknown {
  const data = models.map(describeModel);
  return endpoint.operation === "list_models" ? { object: "list", data } : data[0];
}

function anthropicShape(endpoint: ModelsEndpoint, models: readonly Model[]): unknown {
  if (endpoint.operation === "list_models") return anthropicModelPage(models, endpoint.query);
  return models.map(anthropicModel)[0];
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
