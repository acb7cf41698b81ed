import process from "node:process";

/** Above every manifest and request that a server would take. */
const inputMaxBytes = 16 * 1_024 * 1_024;

/**
 * All of standard input, as UTF-8. Read as a stream: importing node:process, or another process on
 * the same pipe, makes it non-blocking, and then a plain read fails with EAGAIN while the writer
 * is still at work.
 *
 * @throws Error when it can't be read, or is larger than 16 MiB.
 */
export async function readStandardInput(
  input: AsyncIterable<Uint8Array | string> = process.stdin,
): Promise<string> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of input) {
    const bytes = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
    sizeBytes += bytes.length;
    if (sizeBytes > inputMaxBytes) {
      throw new Error(`standard input is larger than ${inputMaxBytes} bytes`);
    }
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString("utf8");
}
