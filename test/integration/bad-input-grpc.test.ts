import { create, toBinary } from "@bufbuild/protobuf";
import { GenerateRequestSchema, MessageRole, RequestOutcome, StatusSchema } from "@penstock/api";
import { fromBinary } from "@bufbuild/protobuf";
import { fromStatus } from "@penstock/errors";
import { generateKey } from "@penstock/runtime";
import { askOverGrpc, startConstellation } from "@penstock/test-support";
import type { Constellation } from "@penstock/test-support";
import { Client, credentials, Metadata, status as codes } from "@grpc/grpc-js";
import type { ServiceError } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testGateway } from "./src/test-gateway.ts";

const canary = "canary-90aa-prompt";
const service = "/penstock.inference.v1.InferenceService";
const unknownKey = generateKey("psk").text;

let gateway: Constellation;
let key: string;
let channel: Client;

beforeAll(async () => {
  gateway = await startConstellation({ resources: testGateway });
  key = await gateway.issueKey("projects/test/virtualKeys/bad-input");
  channel = new Client(gateway.grpcAddress, credentials.createInsecure(), {
    "grpc.max_send_message_length": -1,
  });
});
afterAll(async () => {
  channel.close();
  await gateway.close();
});

const sound = {
  model: "smart",
  messages: [
    {
      role: MessageRole.USER,
      parts: [{ part: { case: "text" as const, value: { text: canary } } }],
    },
  ],
};

function bytesOf(fields: object): Buffer {
  return Buffer.from(toBinary(GenerateRequestSchema, create(GenerateRequestSchema, fields)));
}

interface Case {
  readonly name: string;
  readonly code: number;
  readonly reason: string;
  readonly bytes?: Buffer;
  /** The fields at fault. */
  readonly fields?: readonly string[];
  readonly bearer?: () => string;
}

function invalid(name: string, bytes: Buffer, fields: readonly string[]): Case {
  return { name, bytes, fields, code: codes.INVALID_ARGUMENT, reason: "FIELD_INVALID" };
}

function unauthenticated(name: string, reason: string, bearer: () => string): Case {
  return { name, bearer, code: codes.UNAUTHENTICATED, reason };
}

/** A `format_parameters` entry with lists inside of lists. */
function deepParameters(depth: number): Buffer {
  let value: Buffer = Buffer.from([0x08, 0x00]);
  const wrap = (field: number, inner: Buffer): Buffer =>
    Buffer.concat([Buffer.from([(field << 3) | 2]), varint(inner.length), inner]);
  for (let level = 0; level < depth; level += 1) value = wrap(6, wrap(1, value));
  const entry = Buffer.concat([wrap(1, Buffer.from("x")), wrap(2, value)]);
  const parameters = wrap(1, entry);
  const number = GenerateRequestSchema.field["formatParameters"]?.number ?? 0;
  const map = Buffer.concat([wrap(1, Buffer.from("openai-chat")), wrap(2, parameters)]);
  return Buffer.concat([bytesOf(sound), varint((number << 3) | 2), varint(map.length), map]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.from([...bytes, rest]);
}

const modelNumber = GenerateRequestSchema.field["model"]?.number ?? 0;
const badUtf8 = Buffer.concat([
  bytesOf({ messages: sound.messages }),
  Buffer.from([(modelNumber << 3) | 2, 2, 0xc3, 0x28]),
]);
const system = { role: MessageRole.SYSTEM, parts: [] };

const cases: readonly Case[] = [
  invalid("bytes that are no message", Buffer.from("nonsense, surely"), [""]),
  invalid("a message that ends too early", bytesOf(sound).subarray(0, -3), [""]),
  invalid("a text that is not UTF-8", badUtf8, [""]),
  invalid("parameters that are too deep", deepParameters(20_000), [""]),
  invalid("an empty message", Buffer.alloc(0), ["model", "messages"]),
  invalid("a role nobody knows", bytesOf({ ...sound, messages: [{ role: 99, parts: [] }] }), [
    "messages[0].role",
    "messages[0].parts",
  ]),
  invalid("a message without parts", bytesOf({ ...sound, messages: [system] }), [
    "messages[0].parts",
  ]),
  invalid("negative tokens", bytesOf({ ...sound, sampling: { maxOutputTokens: -1 } }), [
    "sampling.max_output_tokens",
  ]),
  invalid("wishes out of range", bytesOf({ ...sound, sampling: { temperature: 9, topP: -1 } }), [
    "sampling.temperature",
    "sampling.top_p",
  ]),
  invalid(
    "a temperature that is no number",
    bytesOf({ ...sound, sampling: { temperature: NaN } }),
    ["sampling.temperature"],
  ),
  invalid("a model name that is too long", bytesOf({ ...sound, model: "m".repeat(257) }), [
    "model",
  ]),
  {
    name: "an unknown model",
    bytes: bytesOf({ ...sound, model: "x" }),
    code: codes.NOT_FOUND,
    reason: "MODEL_NOT_FOUND",
  },
  unauthenticated("no key", "KEY_MISSING", () => ""),
  unauthenticated("a text that is no key", "KEY_INVALID", () => "secret"),
  unauthenticated("an unknown key", "KEY_INVALID", () => unknownKey),
  unauthenticated("an admin token", "KEY_INVALID", () => gateway.adminToken),
];

function call(method: string, bytes: Buffer, bearer: string): Promise<ServiceError> {
  const metadata = new Metadata();
  if (bearer !== "") metadata.set("authorization", `Bearer ${bearer}`);
  const pass = (value: Buffer): Buffer => value;
  const options = { deadline: Date.now() + 10_000 };
  return new Promise((resolve, reject) => {
    channel.makeUnaryRequest(
      `${service}/${method}`,
      pass,
      pass,
      bytes,
      metadata,
      options,
      (error) => {
        if (error === null) reject(new Error("the call was answered"));
        else resolve(error);
      },
    );
  });
}

describe("bad input over gRPC", () => {
  it.concurrent.each(cases)("$name: $reason", async ({ code, reason, bytes, fields, bearer }) => {
    const error = await call("Generate", bytes ?? bytesOf(sound), bearer?.() ?? key);
    expect(error.code, error.details).toBe(code);
    expect(error.details).toMatch(/^[A-Z].*\.$/);
    const [packed] = error.metadata.get("grpc-status-details-bin");
    const decoded = fromStatus(fromBinary(StatusSchema, packed as Buffer));
    expect(decoded.reason).toBe(reason);
    expect(decoded.message).toBe(error.details);
    const requestId = decoded.requestId ?? "";
    expect(requestId).toMatch(/^[0-9a-f-]{36}$/);
    if (fields !== undefined) {
      expect(decoded.fieldViolations.map(({ field }) => field)).toEqual(fields);
    }
    expect(gateway.simulator.calls.list(`${requestId}.`)).toEqual([]);
    if (reason.startsWith("KEY_")) return;
    const { record } = await gateway.request(requestId);
    expect(record?.event).toMatchObject({ outcome: RequestOutcome.REFUSED, error: { reason } });
  });

  it("says the same for a stream", async () => {
    const client = gateway.grpcClient(key);
    const answer = await askOverGrpc(client, { model: "x", prompt: canary, stream: true });
    expect(answer).toMatchObject({ end: "error", error: { reason: "MODEL_NOT_FOUND" } });
  });

  it("refuses a message above 32 MiB, as the library does", async () => {
    const error = await call("Generate", Buffer.alloc(32 * 1024 * 1024 + 1), key);
    expect(error.code).toBe(codes.RESOURCE_EXHAUSTED);
  });

  it("does not know other methods", async () => {
    const error = await call("Generalize", bytesOf(sound), key);
    expect(error.code).toBe(codes.UNIMPLEMENTED);
  });

  it("leaves a gateway that works and that has logged no prompt and no key", async () => {
    const client = gateway.grpcClient(key);
    const answer = await askOverGrpc(client, { model: "smart", prompt: canary, stream: false });
    expect(answer.end).toBe("complete");
    const told = gateway.logLines.join("");
    for (const secret of [canary, key, unknownKey, gateway.adminToken]) {
      expect(told).not.toContain(secret);
    }
    expect(told).not.toContain("mistake in Penstock");
  });
});
