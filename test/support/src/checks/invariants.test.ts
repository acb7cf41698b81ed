import { create } from "@bufbuild/protobuf";
import {
  AttemptKind,
  BalanceSchema,
  RequestOutcome,
  TransferSchema,
  TransferState,
  UsageRecordSchema,
} from "@penstock/api";
import type { SimulatedCall } from "@penstock/simulator";
import { describe, expect, it } from "vitest";
import type { Transcript } from "../callers/transcript.ts";
import { checkBalances } from "./check-balances.ts";
import { checkBooks, checkRecords, checkRetries } from "./check-records.ts";
import { checkTranscript } from "./check-transcript.ts";

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
const error = {
  message: "m",
  source: "gateway",
  fields: [],
  metadata: {},
  retryAfterMs: undefined,
};

describe("checkTranscript", () => {
  it("asks for no delay where the error says that none helps", () => {
    const metadata = { retry: "never" };
    const refused = { ...error, reason: "BUDGET_EXHAUSTED", metadata };
    expect(checkTranscript({ ...transcript, end: "error", error: refused })).toEqual([]);
  });

  it.each([
    ["two vendors", { providers: ["providers/a", "providers/b"] }, "content of"],
    ["no request id", { requestId: "" }, "no request id"],
    ["something after the end", { wentOn: true }, "followed its end"],
    ["no end at all", { end: "cut" }, "without an end mark"],
    ["an unknown reason", { end: "error", error: { ...error, reason: "oops" } }, "no reason"],
    ["no advice", { end: "error", error: { ...error, reason: "LIMIT_EXCEEDED" } }, "a delay"],
  ] as const)("finds %s", (_what, fields, message) => {
    const broken = checkTranscript({ ...transcript, ...fields } as Transcript);
    expect(broken.map(({ what }) => what)).toEqual([expect.stringContaining(message)]);
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
    const broken = checkRecords("r", { records, calls });
    expect(broken.map(({ what }) => what)).toEqual([expect.stringContaining(message)]);
  });

  it("finds nothing wrong with a good one, nor with an attempt that got no connection", () => {
    expect(checkRecords("r", { records: [record], calls: [call("r.2")] })).toEqual([]);
  });
});

describe("checkBooks", () => {
  it("finds a request that is recorded twice, and a call that nobody recorded", () => {
    const record = create(UsageRecordSchema, { event: { requestId: "r" } });
    const calls = [{ requestId: "r.1" }, { requestId: "s.1" }, { requestId: "" }];
    const broken = checkBooks({ records: [record, record], calls: calls as SimulatedCall[] });
    expect(broken.map(({ what }) => what)).toEqual([
      "request r: 2 usage records instead of one",
      "s.1 was called, and nothing is recorded of it",
    ]);
  });
});

describe("checkRetries", () => {
  const record = create(UsageRecordSchema, {
    event: {
      startTime: { seconds: 100n },
      attempts: [
        { deployment: "d", kind: AttemptKind.PRIMARY },
        { deployment: "d", kind: AttemptKind.RETRY },
      ],
    },
  });

  it("lets a quiet target be retried a few times", () => {
    expect(checkRetries([record, record, record], 1)).toEqual([]);
  });

  it("finds retries that multiply an outage", () => {
    const [broken] = checkRetries(
      Array.from({ length: 10 }, () => record),
      1,
    );
    expect(broken?.what).toContain("d was retried 10 times beside 10");
  });
});

describe("checkBalances", () => {
  const balance = { quota: "q", limit: 10n, posted: 6n, pending: 0n, leased: 4n, available: 0n };
  const transfers = [
    create(TransferSchema, { id: "r", quota: "q", amount: 6n, state: TransferState.POSTED }),
    create(TransferSchema, {
      id: "loan",
      leaseId: "loan",
      quota: "q",
      amount: 6n,
      state: TransferState.POSTED,
    }),
    create(TransferSchema, { quota: "q", amount: 9n, state: TransferState.VOIDED }),
  ];

  it.each([
    ["more than the limit", { leased: 5n }, "above its limit"],
    ["what is left pending", { pending: 1n, leased: 3n }, "still pending"],
    ["postings without transfers", { posted: 5n, available: 1n }, "sum to 6"],
    ["what is neither used nor to be had", { leased: 3n }, "0 is available where 1 is left"],
  ])("finds %s", (_what, fields, message) => {
    const broken = checkBalances([create(BalanceSchema, { ...balance, ...fields })], transfers);
    expect(broken.map(({ what }) => what)).toEqual([expect.stringContaining(message)]);
  });

  it("finds nothing wrong with a good one", () => {
    expect(checkBalances([create(BalanceSchema, balance)], transfers)).toEqual([]);
  });
});
