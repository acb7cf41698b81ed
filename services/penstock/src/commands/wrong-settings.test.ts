import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { text } from "node:stream/consumers";
import { readEnvironmentVariable } from "@penstock/runtime";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runProgram } from "./program.ts";

const mainFile = join(import.meta.dirname, "..", "main.ts");
const role = ["start", "--role", "policy", "--control-port", "0"];
const busUrl = ["--bus-url", "nats://127.0.0.1:9"];
const databaseUrl = ["--database-url", "postgres://user:canary@127.0.0.1:9/penstock"];
const environment = { PENSTOCK_SERVICE_TOKEN: "token-of-services" };

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "penstock-wrong-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function refuse(...parameters: string[]) {
  let talk = "";
  const fail = (): never => expect.unreachable("it should be refused before");
  const io = { out: fail, talk: (more: string) => void (talk += more), readInput: fail };
  const exitCode = await runProgram(parameters, { ...io, environment });
  return { exitCode, talk };
}

/** In a process of its own, as it ends its process. */
async function run(parameters: readonly string[], more: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, [mainFile, ...parameters, "--data-dir", folder], {
    env: { PATH: readEnvironmentVariable("PATH"), ...environment, ...more },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  return { talk: await text(child.stderr), exitCode: await ended };
}

/** What is said up to the line with this text; then the process is ended. */
async function firstTalk(
  parameters: readonly string[],
  more: Readonly<Record<string, string>>,
  wanted: string,
): Promise<string> {
  const child = spawn(process.execPath, [mainFile, ...parameters, "--data-dir", folder], {
    env: { PATH: readEnvironmentVariable("PATH"), ...environment, ...more },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let talk = "";
  for await (const piece of child.stderr) {
    talk += String(piece);
    if (talk.slice(talk.indexOf(wanted)).includes("\n") && talk.includes(wanted)) break;
  }
  child.kill("SIGKILL");
  return talk;
}

describe("a wrong address of a server", () => {
  it.each([
    ["start", "--bus-url", "http://user:canary@a"],
    [...role, ...databaseUrl, "--bus-url", "http://user:canary@a"],
    ["suite", "--bus-url", "http://user:canary@a"],
  ])("of the bus ends %s with one line and code 2", async (...parameters) => {
    const { exitCode, talk } = await refuse(...parameters);
    expect(talk).toMatch(/^penstock: PENSTOCK_BUS_URL must be nats:\/\/host:port .*\n$/);
    expect(talk).not.toContain("canary");
    expect(exitCode).toBe(2);
  });

  it.each([
    ["start", "--database-url", "mysql://user:canary@a/b"],
    [...role, ...busUrl, "--database-url", "mysql://user:canary@a/b"],
    ["suite", "--database-url", "mysql://user:canary@a/b"],
    ["migrate", "--database-url", "mysql://user:canary@a/b"],
  ])("of the database ends %s with one line and code 2", async (...parameters) => {
    const { exitCode, talk } = await refuse(...parameters);
    expect(talk).toMatch(/^penstock: PENSTOCK_DATABASE_URL must be a URL that begins .*\n$/);
    expect(talk).not.toContain("canary");
    expect(exitCode).toBe(2);
  });
});

describe("a role that can't start", () => {
  it.each([
    [{ PENSTOCK_LOG_LEVEL: "loud" }, "PENSTOCK_LOG_LEVEL must be one of"],
    [{ PENSTOCK_TLS_CERT: "/nowhere.crt", PENSTOCK_TLS_KEY: "/nowhere.key" }, "/nowhere.crt"],
  ])("as of %j says so in a sentence, with code 2", async (wrong, sentence) => {
    const { exitCode, talk } = await run([...role, ...busUrl, ...databaseUrl], wrong);
    const last = talk.trimEnd().split("\n").at(-1);
    expect(last).toMatch(/^penstock: /);
    expect(last).toContain(sentence);
    expect(exitCode).toBe(2);
  });
});

describe("a mistyped variable", () => {
  const noCertificate = { PENSTOCK_TLS_CERT: "/nowhere.crt", PENSTOCK_TLS_KEY: "/nowhere.key" };
  const ports = ["http", "grpc", "control", "admin", "simulator"];
  const anyPorts = ports.flatMap((door) => [`--${door}-port`, "0"]);
  const router = ["--role", "router", "--policy-url", "http://p", "--quota-url", "http://q"];
  it.each([
    ["a role", [...role, ...busUrl], noCertificate],
    [
      "a router of two",
      ["start", ...router, ...busUrl, ...anyPorts],
      { ...noCertificate, PENSTOCK_ROUTER_WORKERS: "2" },
    ],
    ["all in one process", ["start", ...anyPorts], {}],
  ])("is told by the start of %s, with the one that was meant", async (_what, words, more) => {
    const typo = { PENSTOCK_HTPP_PORT: "1", ...more };
    const talk = await firstTalk([...words, ...databaseUrl], typo, "PENSTOCK_HTPP_PORT");
    const told = talk.split("\n").filter((line) => line.includes("PENSTOCK_HTPP_PORT"));
    expect(told, talk).toHaveLength(1);
    expect(told[0]).toContain("a variable of the environment is no setting and changes nothing");
    expect(told[0]).toContain("PENSTOCK_HTTP_PORT");
  });
});

describe("a suite without its database", () => {
  it("says what is missing, where, and what to do", async () => {
    const { exitCode, talk } = await run(["suite", "--free-ports", ...busUrl, ...databaseUrl]);
    expect(talk).toContain("connect ECONNREFUSED 127.0.0.1:9");
    expect(talk).toContain("start PostgreSQL, or correct PENSTOCK_DATABASE_URL");
    expect(talk).not.toContain("canary");
    expect(exitCode).toBe(1);
  });
});
