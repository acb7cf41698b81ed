import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../commands/workspace.ts";
import { liveCalls, liveModel } from "./live-call.ts";
import type { LiveCall } from "./live-call.ts";
import { startPenstock } from "./start-penstock.ts";
import type { RunningPenstock } from "./start-penstock.ts";

interface LiveResult {
  readonly feature: string;
  readonly problem: string | undefined;
  readonly milliseconds: number;
  /** As the header says; absent where nothing was billed. In USD. */
  readonly costUsd: string;
}

const callTimeoutMs = 60_000;
// psk_ and pat_ are Penstock's own: its demo.env may be sourced.
const ownKey = /^(?:psk|pat|pst)_/;

/** Makes the real calls when a key is there; prints and stores the table. Gives the exit code. */
export async function verifyLive(): Promise<number> {
  const providerKey = process.env["OPENAI_API_KEY"] ?? "";
  if (providerKey === "" || ownKey.test(providerKey)) {
    console.log("not run: OPENAI_API_KEY holds no key of OpenAI, so nothing was called");
    return 0;
  }
  const penstock = await startPenstock();
  const results: LiveResult[] = [];
  try {
    for (const call of liveCalls) results.push(await make(call, penstock));
  } finally {
    await penstock.stop();
  }
  const text = renderResults(results, new Date().toISOString().slice(0, "2026-11-23".length));
  console.log(text);
  writeFileSync(join(root, "VERIFIED.md"), text);
  const failed = results.filter(({ problem }) => problem !== undefined).length;
  console.log(`${results.length - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

async function make(call: LiveCall, penstock: RunningPenstock): Promise<LiveResult> {
  const startMs = performance.now();
  const facts = { feature: call.feature, costUsd: "-" };
  try {
    const response = await fetch(`${penstock.baseUrl}/chat/completions`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${penstock.key}`,
        "content-type": "application/json",
      },
      body: JSON.stringify(call.body),
      signal: AbortSignal.timeout(callTimeoutMs),
    });
    const text = await response.text();
    const problem = call.check(response.status, text);
    const costUsd = response.headers.get("x-penstock-cost-usd") ?? "-";
    return { ...facts, costUsd, problem, milliseconds: performance.now() - startMs };
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    return { ...facts, problem, milliseconds: performance.now() - startMs };
  }
}

/** The table of VERIFIED.md. */
export function renderResults(results: readonly LiveResult[], date: string): string {
  const rows = results.map(({ feature, problem, milliseconds, costUsd }) => {
    const outcome = problem === undefined ? "works" : oneLine(problem);
    const cells = ["OpenAI", feature, liveModel, outcome, `${milliseconds.toFixed(0)} ms`, costUsd];
    return `| ${cells.join(" | ")} | ${date} |\n`;
  });
  return `# Verified against real providers

Written by \`npm run verify:live\`, which makes a few tiny calls with the key in the environment.

| provider | feature | model | result | took | USD | date |
| --- | --- | --- | --- | ---: | ---: | --- |
${rows.join("")}`;
}

function oneLine(text: string): string {
  const shown = 200;
  return text.replaceAll(/[|\s]+/g, " ").slice(0, shown);
}
