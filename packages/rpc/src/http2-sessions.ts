import type { Http2Session } from "node:http2";
import { Http2SessionManager } from "@connectrpc/connect-node";

const ignored = (): void => undefined;

/**
 * The library stops listening to a connection when it is closed. One that breaks in the same moment,
 * such as to a server that does not speak HTTP/2, then had an error that nobody hears, which ends
 * the process; what it means for a call the call has said.
 */
export class Http2Sessions extends Http2SessionManager {
  readonly #heard = new WeakSet<Http2Session>();

  override async request(
    ...call: Parameters<Http2SessionManager["request"]>
  ): ReturnType<Http2SessionManager["request"]> {
    const stream = await super.request(...call);
    const { session } = stream;
    if (session !== undefined && !this.#heard.has(session)) {
      this.#heard.add(session);
      session.on("error", ignored);
    }
    return stream;
  }
}
