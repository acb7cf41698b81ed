import type { IncomingMessage } from "node:http";

/** Largest body of a request. */
const maximumBodyBytes = 32 * 1024 * 1024;

/** Reads a body; hands on undefined when it is too large. */
export function readBody(request: IncomingMessage, done: (body: Buffer | undefined) => void): void {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  request.on("data", (chunk: Buffer) => {
    sizeBytes += chunk.length;
    if (sizeBytes <= maximumBodyBytes) chunks.push(chunk);
  });
  request.on("end", () => {
    done(sizeBytes > maximumBodyBytes ? undefined : Buffer.concat(chunks));
  });
}
