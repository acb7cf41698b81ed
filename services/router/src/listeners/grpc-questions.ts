import { create, toBinary } from "@bufbuild/protobuf";
import { ListModelsRequestSchema, ListModelsResponseSchema } from "@penstock/api";
import type { ListModelsRequest } from "@penstock/api";
import { toGatewayError } from "@penstock/errors";
import type { sendUnaryData, ServerUnaryCall } from "@grpc/grpc-js";
import { createPageTokens, listQuery, pageSize, toGrpcError } from "@penstock/rpc";
import type { PageTokens } from "@penstock/rpc";
import { newUuidV7 } from "@penstock/runtime";
import type { Snapshot } from "@penstock/snapshot";
import { listModels } from "../pipeline/list-models.ts";
import type { PipelineParts } from "../pipeline/pipeline-parts.ts";
import { tokenOf } from "./grpc-gate.ts";
import { unreadable } from "./grpc-received.ts";
import type { Received } from "./grpc-received.ts";

/** What questions are answered from. */
export interface GrpcQuestionsOptions {
  readonly parts: PipelineParts;
  readonly currentSnapshot: () => Snapshot | undefined;
  /** Signs page tokens; 32 random bytes. */
  readonly pageTokenKey: Uint8Array;
}

type Call<Message> = ServerUnaryCall<Received<Message>, unknown>;

/** The methods for which nothing is sent to a provider, reserved or recorded. */
export class GrpcQuestions {
  readonly #options: GrpcQuestionsOptions;
  readonly #pageTokens: PageTokens;

  constructor(options: GrpcQuestionsOptions) {
    this.#options = options;
    this.#pageTokens = createPageTokens(options.pageTokenKey);
  }

  /** `ListModels`. */
  listModels(call: Call<ListModelsRequest>, callback: sendUnaryData<unknown>): void {
    answer(this.#options.parts, callback, () => {
      const { parts, currentSnapshot } = this.#options;
      const found = listModels(currentSnapshot(), tokenOf(call.metadata), parts);
      if ("error" in found) throw found.error;
      const { message } = call.request;
      if (message === undefined) throw unreadable();
      const size = pageSize(message.pageSize, { byDefault: 100 });
      const query = listQuery(ListModelsRequestSchema, message);
      const after =
        message.pageToken === "" ? "" : this.#pageTokens.decode(message.pageToken, query);
      const rest = found.models.filter(({ name }) => name > after);
      const models = rest.slice(0, size);
      const last = rest.length > size ? models.at(-1) : undefined;
      const response = create(ListModelsResponseSchema, {
        models,
        nextPageToken: last === undefined ? "" : this.#pageTokens.encode(last.name, query),
      });
      return toBinary(ListModelsResponseSchema, response);
    });
  }
}

function answer(
  { events }: Pick<PipelineParts, "events">,
  callback: sendUnaryData<unknown>,
  find: () => Uint8Array,
): void {
  try {
    callback(null, find());
  } catch (error) {
    // The words of a mistake of ours are no caller's business, and grpc-js would send them.
    const known = toGatewayError(error);
    const requestId = newUuidV7();
    if (known.reason === "INTERNAL") events.bug(requestId, error);
    callback(toGrpcError(known, requestId));
  }
}
