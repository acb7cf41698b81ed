import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeMachine } from "@penstock/test-load";
import { root } from "../commands/workspace.ts";
import { claims } from "./claims.ts";
import type { Claim } from "./claim.ts";
import { mergeClaims, readClaims, writeClaims } from "./claims-file.ts";
import type { ProvedClaim } from "./claims-file.ts";

const file = join(root, "CLAIMS.md");
const usageExitCode = 2;

/** Measures the claims named (all when none is) and renews their rows; returns the exit code. */
export async function proveClaims(names: readonly string[]): Promise<number> {
  const unknown = names.filter((name) => claims.every(({ id }) => id !== name));
  if (unknown.length > 0) {
    console.error(`no such claim: ${unknown.join(", ")}`);
    console.error(`there are: ${claims.map(({ id }) => id).join(", ")}`);
    return usageExitCode;
  }
  const proved: ProvedClaim[] = [];
  for (const claim of claims) {
    if (names.length > 0 && !names.includes(claim.id)) continue;
    const result = await prove(claim);
    proved.push(result);
    console.log(`${result.passed ? "holds " : "FAILED"} ${claim.id.padEnd(18)} ${result.figure}`);
    save(proved);
  }
  const failed = proved.filter(({ passed }) => !passed).length;
  console.log(`${proved.length - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

async function prove(claim: Claim): Promise<ProvedClaim> {
  const { description, commit, date } = describeMachine();
  const { id, sentence, bound, unit, measure } = claim;
  const facts = { id, sentence, bound: `${bound} ${unit}`, commit, machine: description };
  const minute = `${date.slice(0, "2026-11-23T07:00".length)}Z`;
  try {
    const figure = await measure();
    const passed = figure <= bound;
    return { ...facts, figure: `${round(figure)} ${unit}`, passed, date: minute };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    console.error(message);
    const [first = ""] = message.split("\n", 1);
    return { ...facts, figure: `not measured: ${first}`, passed: false, date: minute };
  }
}

function round(figure: number): string {
  const decimals = figure < 10 ? 2 : 1;
  return Number.isInteger(figure) ? String(figure) : figure.toFixed(decimals);
}

function save(proved: readonly ProvedClaim[]): void {
  const before = existsSync(file) ? readClaims(readFileSync(file, "utf8")) : [];
  const order = claims.map(({ id }) => id);
  writeFileSync(file, writeClaims(mergeClaims(order, before, proved)));
}
