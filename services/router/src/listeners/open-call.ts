import type { RequestHandler } from "../pipeline/handle-request.ts";
import type { HttpDownstream } from "./http-downstream.ts";
import type { CallEndpoint } from "./http-endpoints.ts";
import type { Asker } from "./plain-response.ts";

/** A call on its way through the pipeline. */
export class OpenCall implements Asker {
  readonly handler: RequestHandler;
  readonly downstream: HttpDownstream;
  readonly endpoint: CallEndpoint;

  constructor(handler: RequestHandler, downstream: HttpDownstream, endpoint: CallEndpoint) {
    this.handler = handler;
    this.downstream = downstream;
    this.endpoint = endpoint;
  }

  gone(): void {
    this.downstream.stop();
    this.handler.cancel();
  }
}
