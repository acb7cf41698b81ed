import { createServer } from "node:http";
import { ManualClock, Secret } from "@penstock/runtime";
import { afterEach, describe, expect, it } from "vitest";
import { checkSignature } from "./aws-upstream.fixture.ts";
import { ClockSkew } from "./clock-skew.ts";
import { call, client, closeAll, listen, serve, target } from "./upstream-client.fixture.ts";

afterEach(closeAll);

const minuteMs = 60_000;
const known = {
  accessKeyId: "AKIDEXAMPLE12345",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCY",
  region: "eu-central-1",
  service: "bedrock",
};
const aws = "https://bedrock-runtime.eu-central-1.amazonaws.com";
const silent = { warn: () => undefined };

const credentials = {
  version: 0,
  resolve: () => new Secret(`${known.accessKeyId}:${known.secretAccessKey}`),
};

/** A target whose calls are signed. */
const bedrock = (origin: string) =>
  target(
    origin,
    { kind: "aws-bedrock" },
    { region: known.region, format: "bedrock-converse", path: "/model/m/converse" },
  );

/** The time of a signature, as `x-amz-date` has it. */
function timeOf(text: string): number {
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text) ?? [];
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
}

/** A server that takes signatures for five minutes, as AWS documents it, and a router beside it. */
async function rig(skewMs: number, options: { date?: boolean; status?: number } = {}) {
  const serverMs = Date.UTC(2026, 10, 23, 15, 0, 0);
  const seen: { signedMs: number; problem: string }[] = [];
  const origin = await serve((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => void chunks.push(chunk));
    request.on("end", () => {
      const signedMs = timeOf(String(request.headers["x-amz-date"]));
      const problem = checkSignature(request, Buffer.concat(chunks), known);
      seen.push({ signedMs, problem });
      const late = Math.abs(signedMs - serverMs) > 5 * minuteMs;
      response.sendDate = false;
      if (options.date !== false) response.setHeader("date", new Date(serverMs).toUTCString());
      response.setHeader("x-amzn-errortype", "InvalidSignatureException");
      response.writeHead(options.status ?? (late ? 403 : 200));
      response.end(late ? '{"message":"Signature expired"}' : '{"ok":true}');
    });
  });
  const clock = new ManualClock();
  clock.setWall(serverMs + skewMs);
  const upstream = client({ credentials, clock });
  const to = bedrock(origin);
  const ask = async () => {
    const { sink } = call(upstream, to);
    await sink.ended;
    return sink;
  };
  return { seen, ask, clock, serverMs };
}

describe("a router whose clock runs wrong", () => {
  it.each([-60, 10])("by %s minutes signs once more with the time it was told", async (minutes) => {
    const { seen, ask, serverMs } = await rig(minutes * minuteMs);
    const sink = await ask();
    expect(sink).toMatchObject({ status: 200, text: '{"ok":true}', failure: undefined });
    expect(sink.calls).toEqual(["headers", "data", "end"]);
    expect(seen.map(({ signedMs }) => (signedMs - serverMs) / minuteMs)).toEqual([minutes, 0]);
    expect(seen.map(({ problem }) => problem)).toEqual(["", ""]);
    // What was learned holds for the calls after it.
    expect((await ask()).status).toBe(200);
    expect(seen).toHaveLength(3);
  });

  it("forgets it when its clock is set right", async () => {
    const { seen, ask, clock, serverMs } = await rig(-60 * minuteMs);
    await ask();
    clock.setWall(serverMs);
    expect((await ask()).status).toBe(200);
    expect((await ask()).status).toBe(200);
    expect(seen).toHaveLength(5);
  });

  it("is refused where nobody says what time it is, or it would be more than a day", async () => {
    const silentServer = await rig(-60 * minuteMs, { date: false });
    const sink = await silentServer.ask();
    expect([sink.status, silentServer.seen.length]).toEqual([403, 1]);
    expect(sink.text).toContain("Signature expired");
    const farAway = await rig(-48 * 60 * minuteMs);
    expect((await farAway.ask()).status).toBe(403);
    expect(farAway.seen).toHaveLength(1);
  });

  it("sent nothing that may be billed where the second call finds nobody", async () => {
    const serverMs = Date.UTC(2026, 10, 23, 15, 0, 0);
    const server = createServer((_request, response) => {
      // Nobody listens any more when the call is made again.
      server.close();
      const headers = { date: new Date(serverMs).toUTCString(), connection: "close" };
      response.writeHead(403, { ...headers, "x-amzn-errortype": "InvalidSignatureException" });
      response.end('{"message":"Signature expired"}');
    });
    const clock = new ManualClock();
    clock.setWall(serverMs - 60 * minuteMs);
    const { sink, handle } = call(client({ credentials, clock }), bedrock(await listen(server)));
    await sink.ended;
    expect(sink.calls).toEqual(["failure"]);
    expect(sink.failure).toMatchObject({ cause: "connection_refused", sentBytes: false });
    expect(sink.failure?.message).toContain("no connection to the provider could be made");
    expect(handle.sentBytes).toBe(false);
  });

  it("is asked no third time", async () => {
    const { seen, ask } = await rig(-60 * minuteMs, { status: 403 });
    expect((await ask()).status).toBe(403);
    expect(seen).toHaveLength(2);
  });
});

describe("a refusal", () => {
  const at = (date: string | undefined, status = 403) =>
    new ClockSkew(silent).corrects(aws, { status, date }, 0, 0);

  it("is not for the time when the clocks agree, or it is none of a signature", () => {
    expect(at(new Date(3 * minuteMs).toUTCString())).toBe(false);
    expect(at(new Date(10 * minuteMs).toUTCString(), 500)).toBe(false);
    expect(at("no date")).toBe(false);
    expect(at(undefined)).toBe(false);
    expect(at(new Date(10 * minuteMs).toUTCString())).toBe(true);
  });
});

describe("what servers say of the time", () => {
  const wrong = { status: 403, date: new Date(60 * minuteMs).toUTCString() };

  it("is taken for their own calls only", () => {
    const skew = new ClockSkew(silent);
    expect(skew.corrects("https://proxy.example", wrong, 0, 0)).toBe(true);
    expect(skew.signingMs("https://proxy.example", 5)).toBe(60 * minuteMs + 5);
    expect(skew.signingMs(aws, 5)).toBe(5);
  });

  it("is written down once a minute for each, however often it changes", () => {
    const told: unknown[] = [];
    const skew = new ClockSkew({ warn: (_message, fields) => void told.push(fields) });
    for (let at = 0; at < 59; at += 1) skew.corrects(aws, wrong, at * 1_000, at * 1_000);
    expect(told).toEqual([{ origin: aws, secondsBehind: 3_600 }]);
    skew.corrects("https://proxy.example", wrong, 0, 0);
    expect(told).toHaveLength(2);
    skew.corrects(aws, wrong, minuteMs, minuteMs);
    expect(told).toHaveLength(3);
  });

  it("is forgotten, the oldest first, when very many have spoken", () => {
    const skew = new ClockSkew(silent);
    for (let at = 0; at < 257; at += 1) skew.corrects(`https://${at}.example`, wrong, 0, 0);
    const remembered = (at: number) => skew.signingMs(`https://${at}.example`, 0) > 0;
    expect([0, 1, 256].map(remembered)).toEqual([false, true, true]);
  });
});
