import { create } from "@bufbuild/protobuf";
import {
  BalanceSchema,
  RequestOutcome,
  TransferSchema,
  TransferState,
  UsageRecordSchema,
} from "@penstock/api";
import type { SimulatedCall } from "@penstock/simulator";
import { describe, expect, it } from "vitest";
import type { Transcript } from "../callers/transcript.ts";
import { checkBalances, checkRecords, checkTranscript } from "./invariants.ts";

const transcript: Transcript = {
  door: "http",
  stream: true,
  status: 200,
  headers: new Headers(),
  trailers: new Headers(),
  requestId: "r",
  traceId: "t",
  text: "hello",
  providers: ["providers/a"],
  attempts: 1,
  usage: undefined,
  finishReason: "stop",
  end: "complete",
  error: undefined,
  wentOn: false,
  elapsedMs: 1,
};
const error = { message: "m", source: "gateway", fields: [], retryAfterMs: undefined };

describe("checkTranscript", () => {
  it.each([
    ["two vendors", { providers: ["providers/a", "providers/b"] }, "content of"],
    ["no request id", { requestId: "" }, "no request id"],
    ["something after the end", { wentOn: true }, "followed its end"],
    ["no end at all", { end: "cut" }, "without an end mark"],
    ["an unknown reason", { end: "error", error: { ...error, reason: "oops" } }, "no reason"],
    ["no advice", { end: "error", error: { ...error, reason: "LIMIT_EXCEEDED" } }, "a delay"],
  ] as const)("finds %s", (_what, fields, message) => {
    const broken = checkTranscript({ ...transcript, ...fields } as Transcript);
    expect(broken).toEqual([expect.stringContaining(message)]);
  });

  it("finds nothing wrong with a good one", () => {
    expect(checkTranscript(transcript)).toEqual([]);
  });
});

describe("checkRecords", () => {
  const record = create(UsageRecordSchema, {
    event: {
      requestId: "r",
      outcome: RequestOutcome.COMPLETED,
      attempts: [
        { number: 1, httpStatus: 0 },
        { number: 2, httpStatus: 200 },
      ],
    },
  });
  const call = (requestId: string) => ({ requestId }) as SimulatedCall;

  it.each([
    ["none", [], [], "0 usage records"],
    ["two", [record, record], [call("r.2")], "2 usage records"],
    ["a call that is not recorded", [record], [call("r.2"), call("r.3")], "not recorded"],
    ["an answer that no vendor gave", [record], [], "saw it 0 times"],
    ["an attempt that was made twice", [record], [call("r.2"), call("r.2")], "saw it 2 times"],
  ])("finds %s", (_what, records, calls, message) => {
    expect(checkRecords("r", { records, calls })).toEqual([expect.stringContaining(message)]);
  });

  it("finds nothing wrong with a good one, nor with an attempt that got no connection", () => {
    expect(checkRecords("r", { records: [record], calls: [call("r.2")] })).toEqual([]);
  });
});

describe("checkBalances", () => {
  const balance = { quota: "q", limit: 10n, posted: 6n, pending: 0n, leased: 4n };
  const transfers = [
    create(TransferSchema, { quota: "q", amount: 6n, state: TransferState.POSTED }),
    create(TransferSchema, { quota: "q", amount: 9n, state: TransferState.VOIDED }),
  ];

  it.each([
    ["more than the limit", { leased: 5n }, "above its limit"],
    ["what is left pending", { pending: 1n, leased: 3n }, "still pending"],
    ["postings without transfers", { posted: 5n }, "sum to 6"],
  ])("finds %s", (_what, fields, message) => {
    const broken = checkBalances([create(BalanceSchema, { ...balance, ...fields })], transfers);
    expect(broken).toEqual([expect.stringContaining(message)]);
  });

  it("finds nothing wrong with a good one", () => {
    expect(checkBalances([create(BalanceSchema, balance)], transfers)).toEqual([]);
  });
});
