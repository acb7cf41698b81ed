import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { serverLane, startConstellation } from "@penstock/test-support";
import type { Constellation } from "@penstock/test-support";
import { afterAll, beforeAll, expect, it } from "vitest";
import { clientResources } from "./src/client-resources.ts";
import { expectedAnswer } from "./src/expected-answer.ts";
import { expectedVector } from "./src/expected-vector.ts";

// The official Python packages as black boxes: what they make of answers, streams and errors.

const run = promisify(execFile);
const lane = serverLane("python");
const minuteMs = 60_000;
const faults = {
  smart: "delay-0",
  slow: "tokens-2000",
  // One for each script, as a model that broke an answer cools down.
  broken: "delay-0+error-after-3",
  "broken-anthropic": "delay-0+error-after-4",
};

const resources = (url: string): string => clientResources(url, faults);

const answer = expectedAnswer("alpha-large", [
  { role: "system", text: "You are brief." },
  { role: "user", text: "How deep is the penstock in metres?" },
]);
const usage = [answer.inputTokens, answer.textTokens];
const models = ["broken", "broken-anthropic", "embed", "slow", "smart"];
const afterTool = expect.stringMatching(/^alpha-large received 4 messages/);

lane.describe("official Python packages", () => {
  let gateway: Constellation;
  let key: string;

  beforeAll(async () => {
    gateway = await startConstellation({ resources });
    key = await gateway.issueKey("projects/test/virtualKeys/python");
  });
  afterAll(() => gateway?.close());

  /** Runs one of the scripts; what it printed. */
  async function ask(script: string, baseUrl: string): Promise<unknown> {
    const path = join(import.meta.dirname, "src/python", script);
    const options = { timeout: minuteMs, env: { PYTHONDONTWRITEBYTECODE: "1" } };
    const { stdout } = await run(lane.program ?? "", [path, baseUrl, key], options);
    return JSON.parse(stdout);
  }

  /** Every stream that a script gave up ended at the vendor, too. */
  async function expectGivenUp(): Promise<void> {
    const ends = () =>
      gateway.simulator.calls
        .list()
        .filter(({ model }) => model.endsWith(faults.slow))
        .map(({ end }) => end)
        .at(-1);
    await expect.poll(ends).toBe("closed_by_caller");
  }

  it(
    "openai",
    async () => {
      expect(await ask("ask-openai.py", `${gateway.httpUrl}/v1`)).toEqual({
        chat: [answer.text, "stop", usage],
        chat_stream: [answer.text, answer.textTokens],
        chat_helper: [answer.text, answer.text],
        tool: ["tool_calls", answer.toolArguments, afterTool],
        parsed: true,
        responses: [answer.text, "completed", answer.textTokens],
        responses_stream: [answer.text, answer.text],
        vectors: ["one", "two"].map((text) => expectedVector("sim-embed", text)),
        models,
        given_up: true,
        broken: ["APIError", "STREAM_INTERRUPTED"],
        unknown: ["NotFoundError", 404, "MODEL_NOT_FOUND", true],
        unknown_stream: ["NotFoundError", 404, "MODEL_NOT_FOUND", true],
        wrong_key: ["AuthenticationError", 401, "KEY_INVALID", true],
      });
      await expectGivenUp();
    },
    minuteMs,
  );

  it(
    "anthropic",
    async () => {
      expect(await ask("ask-anthropic.py", gateway.httpUrl)).toEqual({
        message: [answer.text, "end_turn", usage],
        message_stream: [answer.text, answer.text],
        tool: ["tool_use", JSON.parse(answer.toolArguments), afterTool],
        count: expect.any(Number),
        models,
        given_up: true,
        broken: ["APIStatusError", 200, true],
        unknown: ["NotFoundError", 404, true],
        unknown_stream: ["NotFoundError", 404, true],
        wrong_key: ["AuthenticationError", 401, true],
      });
      await expectGivenUp();
    },
    minuteMs,
  );

  it("has the versions of the example", async () => {
    const read = async (path: string) =>
      (await readFile(join(import.meta.dirname, path), "utf8")).trim().split("\n");
    const installed = await read("../support/src/servers/python-requirements.txt");
    expect(installed).toEqual(
      expect.arrayContaining(await read("../../deploy/examples/python/requirements.txt")),
    );
  });

  it(
    "the client generated from the protos, as its example has it",
    async () => {
      const example = join(import.meta.dirname, "../../deploy/examples/python");
      const out = await mkdtemp(join(tmpdir(), "penstock-python-"));
      try {
        const { PATH = "" } = process.env;
        const env = { PATH, PYTHON: lane.program, PYTHONDONTWRITEBYTECODE: "1" };
        await run(join(example, "generate.sh"), [out], { timeout: minuteMs, env });
        const { stdout } = await run(lane.program ?? "", [join(example, "example.py")], {
          timeout: minuteMs,
          env: {
            ...env,
            PYTHONPATH: out,
            PENSTOCK_GRPC_ADDRESS: gateway.grpcAddress,
            OPENAI_API_KEY: key,
          },
        });
        const said = (text: string) => expectedAnswer("alpha-large", [{ role: "user", text }]).text;
        expect(stdout.split("\n")).toEqual([
          said("Say hello."),
          "by deployments/smart",
          said("Count to three."),
          `tokens ${answer.textTokens}`,
          "NOT_FOUND MODEL_NOT_FOUND",
          "",
        ]);
      } finally {
        await rm(out, { recursive: true, force: true });
      }
    },
    minuteMs,
  );
});
