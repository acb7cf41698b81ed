import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runProgram } from "../commands/program.ts";

let folder = "";
let stranger = "";
const server = createServer((_, response) => response.writeHead(400).end("what?"));

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "penstock-codes-"));
  writeFileSync(join(folder, "text"), "kind: Nothing\n");
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  stranger = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true });
});

/** `%` stands for the folder, `@` for what answers but is no Penstock. */
async function run(line: string, environment: Readonly<Record<string, string>> = {}) {
  const place = (word: string): string => word.replace("%", folder).replace("@", stranger);
  let talk = "";
  const exitCode = await runProgram(line === "" ? [] : line.split(" ").map(place), {
    out: () => undefined,
    talk: (text) => void (talk += text),
    readInput: () => "",
    environment: { PENSTOCK_DATA_DIR: join(folder, "data"), ...environment },
  });
  return { exitCode, talk };
}

const wrongLines = [
  "",
  "nothing",
  "get",
  "get nothing",
  "get nothing --control-url @",
  "get routes --what",
  "get routes -o xml",
  "get routes --control-url 127.0.0.1:1",
  "get routes NO/NAME --control-url @",
  "get routes/smart extra --control-url @",
  "get routes/smart -l a=b --control-url @",
  "get route smart -l a=b --control-url @",
  "delete smart --control-url @",
  "keys issue nobody --control-url @",
  "keys issue a/b --expires soon",
  "keys issue a/b --expires 0s --control-url @",
  "usage --group-by weather",
  "usage --since 2026-02-31x",
  "explain --key a/b --control-url @ --admin-url @",
  "explain --key a/b -f %/missing --control-url @ --admin-url @",
  "explain --key a/b --model m --control-url @",
  "apply -f - --prune --control-url @",
  "apply -f - --control-url @",
  "apply -f %/missing --control-url @",
  "certificates init --dir %/c --names Router",
  "certificates init --dir %/none --keep-authority",
  "certificates show %/missing",
  "certificates show %/text",
  "connect codex --http-url nowhere",
  "demo --http-url nowhere",
  "demo --simulator-url ftp://a",
  "demo --grpc-address localhost",
  "demo --http-port 1",
  "migrate",
  "migrate --database-url mysql://a/b",
  "migrate --database-url postgres://a/b --wait long",
  "presets nobody",
  "presets --model m",
  "presets --id i -o json",
  "start --http-port many",
  "start --replica No.Name",
  "start --role cook",
  "start --config %/missing",
  "suite --bus-url http://a",
];

describe("the exit code 2", () => {
  it.each(wrongLines)("is that of `penstock %s`", async (line) => {
    const { exitCode, talk } = await run(line);
    expect([exitCode, talk]).toEqual([2, expect.stringMatching(/\S/)]);
  });

  it.each([
    { PENSTOCK_CONTROL_URL: "nowhere" },
    { PENSTOCK_CONTROL_URL: "http://127.0.0.1:1", PENSTOCK_ADMIN_URL: "x" },
    { PENSTOCK_CONTROL_URL: "http://127.0.0.1:1", PENSTOCK_TLS_CERT: "/only" },
    { PENSTOCK_CONTROL_URL: "https://127.0.0.1:1", PENSTOCK_TLS_CA: "/nowhere" },
  ])("is that of the settings %j", async (environment) => {
    expect(await run("get all", environment)).toMatchObject({ exitCode: 2 });
  });
});

describe("the exit code 1", () => {
  it.each([
    "get routes --control-url @",
    "apply -f %/text --control-url @",
    "certificates init --dir %/text",
    "migrate --database-url postgres://127.0.0.1:1/b --wait 0s",
    "start --config %/text",
  ])("is that of `penstock %s`, which was tried", async (line) => {
    expect(await run(line)).toMatchObject({ exitCode: 1 });
  });
});

it("says of an address of something else what it is", async () => {
  const { talk } = await run("get routes --control-url @");
  expect(talk).toContain(`What answers at ${stranger} does not speak HTTP/2.`);
});

describe("the exit code 3", () => {
  it.each(["get routes --control-url http://127.0.0.1:1", "get routes"])(
    "is that of `penstock %s`, to which nobody answered",
    async (line) => expect(await run(line)).toMatchObject({ exitCode: 3 }),
  );
});
