import { connect } from "node:http2";
import type { ClientHttp2Stream, IncomingHttpHeaders } from "node:http2";
import { fromBinary, toBinary, create } from "@bufbuild/protobuf";
import { GenerateRequestSchema, MessageRole, StatusSchema } from "@penstock/api";
import { fromStatus } from "@penstock/errors";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createPipeline } from "../pipeline/pipeline.fixture.ts";
import { sampleKey, sampleSnapshot } from "../pipeline/sample-snapshot.fixture.ts";
import { GrpcListener } from "./grpc-listener.ts";

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

const service = "/penstock.inference.v1.InferenceService";
const good = `Bearer ${sampleKey}`;

/** A call of which nothing but the head was sent. */
interface BareCall {
  readonly stream: ClientHttp2Stream;
  /** The head of the answer, which of a refusal is all of it. */
  readonly answer: Promise<IncomingHttpHeaders>;
}

async function listen() {
  const snapshot = sampleSnapshot();
  const pipeline = createPipeline(snapshot);
  const grpc = new GrpcListener({
    parts: pipeline.parts,
    currentSnapshot: () => snapshot,
    reflection: false,
    pageTokenKey: new Uint8Array(32),
  });
  const port = await grpc.listen(0, "127.0.0.1");
  // A variable, as the types of clients lack the option.
  const asSent: object = { strictSingleValueFields: false };
  const session = connect(`http://127.0.0.1:${port}`, asSent);
  closing.push(
    () => session.destroy(),
    () => grpc.closeAll(),
  );
  const begin = (
    method: string,
    authorization: readonly string[],
    others: readonly string[] = [],
  ): BareCall => {
    const stream = session.request([
      ":method",
      "POST",
      ":path",
      `${service}/${method}`,
      "content-type",
      "application/grpc",
      "te",
      "trailers",
      ...authorization.flatMap((value) => ["authorization", value]),
      ...others,
    ]);
    stream.on("error", () => undefined);
    const answer = new Promise<IncomingHttpHeaders>((resolve) => {
      stream.once("response", resolve);
    });
    return { stream, answer };
  };
  return { ...pipeline, begin };
}

function refusal(headers: IncomingHttpHeaders) {
  const details = Buffer.from(String(headers["grpc-status-details-bin"]), "base64");
  return fromStatus(fromBinary(StatusSchema, details));
}

function frame(): Buffer {
  const part = { part: { case: "text" as const, value: { text: "hi" } } };
  const messages = [{ role: MessageRole.USER, parts: [part] }];
  const bytes = toBinary(
    GenerateRequestSchema,
    create(GenerateRequestSchema, { model: "smart", messages }),
  );
  const head = Buffer.alloc(5);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

describe("the gate of the gRPC door", () => {
  it.each(["Generate", "StreamGenerate", "ListModels"])(
    "refuses %s by its metadata, before any message",
    async (method) => {
      const { begin } = await listen();
      const missing = refusal(await begin(method, []).answer);
      expect(missing.reason).toBe("KEY_MISSING");
      const invalid = refusal(await begin(method, ["Bearer psk_wrong"]).answer);
      expect(invalid.reason).toBe("KEY_INVALID");
    },
  );

  it("records a refusal as it always did", async () => {
    const { begin, spool } = await listen();
    await begin("Generate", ["Bearer psk_wrong"]).answer;
    expect(spool.finals).toMatchObject([{ error: { reason: "KEY_INVALID" } }]);
  });

  it("refuses two keys that differ, and tells them from none", async () => {
    const { begin } = await listen();
    for (const method of ["Generate", "StreamGenerate", "ListModels"]) {
      const error = refusal(await begin(method, [good], ["x-api-key", "sk-vendor"]).answer);
      expect(error.reason).toBe("KEY_INVALID");
      expect(error.message).toContain("two keys that differ");
      const foreign = refusal(await begin(method, [`Bearer ${"x".repeat(2_000)}`]).answer);
      expect(foreign.reason).toBe("KEY_INVALID");
    }
  });

  it("refuses two authorization headers that differ", async () => {
    const { begin, upstream } = await listen();
    for (const method of ["Generate", "StreamGenerate", "ListModels"]) {
      const error = refusal(await begin(method, [good, "Bearer psk_other"]).answer);
      expect(error.reason).toBe("FIELD_INVALID");
      expect(error.message).toContain("two authorization headers");
    }
    const { stream } = begin("Generate", [good, good]);
    stream.end(frame());
    await vi.waitFor(() => expect(upstream.calls).toHaveLength(1));
  });

  it.each(["abc", "1", "123456789S", "5S5", "-1S", ""])(
    "refuses the deadline %j as the caller's mistake",
    async (timeout) => {
      const { begin, upstream } = await listen();
      for (const method of ["Generate", "StreamGenerate"]) {
        const error = refusal(await begin(method, [good], ["grpc-timeout", timeout]).answer);
        expect(error.reason).toBe("FIELD_INVALID");
        expect(error.fieldViolations).toMatchObject([{ field: "grpc-timeout" }]);
      }
      expect(upstream.calls).toHaveLength(0);
    },
  );

  it("serves nobody whose deadline has passed already", async () => {
    const { begin, clock, upstream } = await listen();
    clock.setWall(Date.now() + 1_000);
    const { stream, answer } = begin("Generate", [good], ["grpc-timeout", "0n"]);
    stream.end(frame());
    expect(refusal(await answer).reason).toBe("DEADLINE_EXCEEDED");
    expect(upstream.calls).toHaveLength(0);
  });

  it("takes the message of a caller that is let in when it comes", async () => {
    const { begin, upstream, parts } = await listen();
    const { stream } = begin("Generate", [good]);
    await vi.waitFor(() => expect(parts.admission.open).toBe(1));
    expect(upstream.calls).toHaveLength(0);
    stream.end(frame());
    await vi.waitFor(() => expect(upstream.calls).toHaveLength(1));
  });

  it("gives the place back when the caller leaves without a message", async () => {
    const { begin, parts, spool } = await listen();
    const { stream } = begin("StreamGenerate", [good]);
    await vi.waitFor(() => expect(parts.admission.open).toBe(1));
    stream.close();
    await vi.waitFor(() => expect(parts.admission.open).toBe(0));
    expect(spool.finals).toMatchObject([{ outcome: 4 }]);
  });

  it("does not wait for a message for ever", async () => {
    const { begin, parts, clock } = await listen();
    const calls = [begin("Generate", [good]), begin("StreamGenerate", [good])];
    await vi.waitFor(() => expect(parts.admission.open).toBe(2));
    clock.advance(80_000);
    for (const { answer } of calls) {
      expect(refusal(await answer).reason).toBe("DEADLINE_EXCEEDED");
    }
    expect(parts.admission.open).toBe(0);
  });
});
