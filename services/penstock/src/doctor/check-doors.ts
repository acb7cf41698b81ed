import { connect } from "node:net";
import type { DemoEnvironment } from "../demo-env.ts";
import type { Finding } from "./check.ts";
import { look } from "./check.ts";
import { probeHttp } from "./probe-http.ts";

const timeoutMs = 3_000;

/** Whether the doors of which demo.env tells callers are open. None is asked with a credential. */
export async function checkDoors(
  { OPENAI_BASE_URL: httpUrl, PENSTOCK_GRPC_ADDRESS: grpcAddress }: DemoEnvironment,
  caFile: string | undefined,
): Promise<Finding[]> {
  const looks: Promise<Finding>[] = [];
  if (httpUrl !== undefined && URL.canParse(httpUrl)) {
    looks.push(look(`HTTP door ${httpUrl}`, () => checkHttpDoor(httpUrl, caFile)));
  }
  if (grpcAddress !== undefined) {
    looks.push(look(`gRPC door ${grpcAddress}`, () => checkGrpcDoor(grpcAddress)));
  }
  return await Promise.all(looks);
}

async function checkHttpDoor(
  url: string,
  caFile: string | undefined,
): Promise<Omit<Finding, "check">> {
  const { status } = await probeHttp(`${url}/models`, { caFile });
  if (status === 401) return { state: "ok", detail: "open, and asks for a key" };
  const advice = "Another program may listen there; see the ports above.";
  return { state: "warn", detail: `answers ${status}, where a router asks for a key`, advice };
}

/** What follows is gRPC's own; whether somebody listens is seen without it. */
async function checkGrpcDoor(address: string): Promise<Omit<Finding, "check">> {
  const { hostname, port } = new URL(`http://${address}`);
  const host = hostname.replace(/^\[|\]$/g, "");
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = connect({ host, port: Number(port) || 80, timeout: timeoutMs }, resolve);
  socket.once("error", ({ message }) =>
    reject(new Error(`${address} does not answer: ${message}`)),
  );
  socket.once("timeout", () => reject(new Error(`${address} does not answer: nothing for 3 s`)));
  try {
    await promise;
    return { state: "ok", detail: "open" };
  } finally {
    socket.destroy();
  }
}
