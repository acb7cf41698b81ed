import { execFile } from "node:child_process";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import { serverLane, startConstellation } from "@penstock/test-support";
import { expect, it } from "vitest";
import { expectedAnswer } from "./src/expected-answer.ts";
import { testGateway } from "./src/test-gateway.ts";

const run = promisify(execFile);
const lane = serverLane("go");
/** Compiling gRPC for Go the first time takes most of a minute. */
const timeoutMs = 180_000;

const said = (text: string) => expectedAnswer("alpha-large", [{ role: "user", text }]);

lane.describe("the Go client generated from the protos", () => {
  it(
    "does what its example says",
    async () => {
      const example = join(import.meta.dirname, "../../deploy/examples/go");
      const folder = await mkdtemp(join(tmpdir(), "penstock-go-"));
      const gateway = await startConstellation({ resources: testGateway });
      try {
        const PATH = [dirname(lane.program ?? ""), process.env["PATH"]].join(delimiter);
        const env = { ...process.env, PATH };
        for (const file of ["go.mod", "go.sum", "main.go"]) {
          await cp(join(example, file), join(folder, file));
        }
        await run(join(example, "generate.sh"), [folder], { timeout: timeoutMs, env });
        const { stdout } = await run("go", ["run", "."], {
          cwd: folder,
          timeout: timeoutMs,
          env: {
            ...env,
            PENSTOCK_GRPC_ADDRESS: gateway.grpcAddress,
            OPENAI_API_KEY: await gateway.issueKey("projects/test/virtualKeys/go"),
          },
        });
        expect(stdout.split("\n")).toEqual([
          said("Say hello.").text,
          "by deployments/alpha",
          said("Count to three.").text,
          `tokens ${said("Count to three.").textTokens}`,
          "NotFound MODEL_NOT_FOUND",
          "",
        ]);
      } finally {
        await gateway.close();
        await rm(folder, { recursive: true, force: true });
      }
    },
    timeoutMs,
  );
});
