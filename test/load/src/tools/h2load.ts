import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { at } from "../statistics.ts";
import type { LoadOptions, LoadResult } from "./toolbox.ts";

const run = promisify(execFile);

/**
 * Load by h2load: HTTP/2 for gRPC, or HTTP/1.1. It is told how many requests to send, because at the
 * end of a time it cuts off those that are open, and they would not be answered but recorded.
 */
export function runH2load(http1: boolean): (options: LoadOptions) => Promise<LoadResult> {
  return async (options) => {
    const folder = mkdtempSync(join(tmpdir(), "penstock-h2load-"));
    const log = join(folder, "log.tsv");
    try {
      const url = `http://127.0.0.1:${options.port}${options.path}`;
      const { stdout } = await run("h2load", [...parameters(options, http1, log), url]);
      const durations = readFileSync(log, "utf8")
        .trim()
        .split("\n")
        .map((line) => Number(line.split("\t")[2]));
      const number = (form: RegExp): number => Number(form.exec(stdout)?.[1] ?? Number.NaN);
      return {
        requests: number(/(\d+) succeeded/),
        errors: number(/(\d+) failed/),
        notOk: number(/(\d+) 5xx/) + number(/(\d+) 4xx/),
        p50Us: at(durations, 0.5),
        p99Us: at(durations, 0.99),
      };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };
}

function parameters(options: LoadOptions, http1: boolean, log: string): string[] {
  const { connections, rate, expectedRate, seconds } = options;
  const requests = Math.max(connections, Math.ceil((rate || expectedRate) * seconds));
  const version = http1 ? ["--h1"] : ["-m", String(options.streams ?? 1)];
  const amount = ["-n", String(requests), "-c", String(connections), "-t", "1"];
  const pace = rate > 0 ? ["--rps", String(rate / connections)] : [];
  const files = ["-d", options.bodyFile, `--log-file=${log}`];
  const headers = options.headers.flatMap((header) => ["-H", header]);
  return [...version, ...amount, ...pace, ...files, ...headers];
}
