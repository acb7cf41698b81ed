import { request } from "node:http";
import { text } from "node:stream/consumers";

/** A call whose caller has not said everything yet. */
export interface HalfSentCall {
  /** Sends the rest; resolves with the answer. Rejects when the connection was cut. */
  finish(): Promise<{ readonly status: number; readonly text: string }>;
}

/** Begins to list configuration at a control port; resolves when half of the call is sent. */
export async function sendHalf(controlUrl: string, token: string): Promise<HalfSentCall> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>();
  const call = request(`${controlUrl}/penstock.policy.v1.ResourceService/ListResources`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      "content-length": "2",
    },
  });
  call.on("error", reject);
  call.on("response", (response) => {
    const { statusCode: status = 0 } = response;
    text(response).then((body) => resolve({ status, text: body }), reject);
  });
  promise.catch(() => undefined);
  await new Promise<void>((sent, failed) => {
    call.once("error", failed);
    call.write("{", () => sent());
  });
  return {
    finish: () => {
      call.end("}");
      return promise;
    },
  };
}
