import { readFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { performance } from "node:perf_hooks";
import { startNodeProcess } from "../node-process.ts";
import { at } from "../statistics.ts";
import type { LoadOptions, LoadResult, MockProvider } from "./toolbox.ts";

/** The mock provider where there is no C compiler. */
export async function startJavascriptMock(chunks: number, gapUs: number): Promise<MockProvider> {
  const program = "javascript-mock.ts";
  const mock = await startNodeProcess({ program, input: { chunks, gapMs: gapUs / 1_000 } });
  return { port: mock.ports["http"] ?? 0, stop: () => void mock.stop() };
}

/** The load generator where there is neither a C compiler nor h2load. */
export async function runJavascriptLoad(options: LoadOptions): Promise<LoadResult> {
  const load = new JavascriptLoad(options);
  return load.run();
}

class JavascriptLoad {
  readonly #options: LoadOptions;
  readonly #body: Buffer;
  readonly #agent: Agent;
  readonly #durationsUs: number[] = [];
  readonly #firstBytesUs: number[] = [];
  #errors = 0;
  #notOk = 0;

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#body = readFileSync(options.bodyFile);
    this.#agent = new Agent({ keepAlive: true, maxSockets: options.connections });
  }

  async run(): Promise<LoadResult> {
    const { connections, rate, seconds } = this.#options;
    const endMs = performance.now() + seconds * 1_000;
    if (rate === 0) {
      const loops = Array.from({ length: connections }, () => this.#loop(endMs));
      await Promise.all(loops);
    } else await this.#atRate(rate, endMs);
    this.#agent.destroy();
    return {
      requests: this.#durationsUs.length,
      errors: this.#errors,
      notOk: this.#notOk,
      p50Us: at(this.#durationsUs, 0.5),
      p99Us: at(this.#durationsUs, 0.99),
      firstByteP50Us: at(this.#firstBytesUs, 0.5),
    };
  }

  async #loop(endMs: number): Promise<void> {
    while (performance.now() < endMs) await this.#send(performance.now());
  }

  async #atRate(rate: number, endMs: number): Promise<void> {
    const open: Promise<void>[] = [];
    for (let dueMs = performance.now(); dueMs < endMs; dueMs += 1_000 / rate) {
      const waitMs = dueMs - performance.now();
      if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
      open.push(this.#send(dueMs));
    }
    await Promise.all(open);
  }

  #send(dueMs: number): Promise<void> {
    const { port, path, headers } = this.#options;
    const pairs = headers.map((header) => header.split(/: (.*)/s).slice(0, 2));
    const given = Object.fromEntries(pairs) as Record<string, string>;
    const sent = { "content-type": "application/json", "content-length": this.#body.length };
    return new Promise((resolve) => {
      const call = request(
        { port, path, method: "POST", agent: this.#agent, headers: { ...sent, ...given } },
        (response) => {
          if (response.statusCode !== 200) this.#notOk += 1;
          response.once("data", () => this.#firstBytesUs.push((performance.now() - dueMs) * 1_000));
          response.on("data", () => undefined);
          response.once("end", () => {
            this.#durationsUs.push((performance.now() - dueMs) * 1_000);
            resolve();
          });
        },
      );
      call.once("error", () => {
        this.#errors += 1;
        resolve();
      });
      call.end(this.#body);
    });
  }
}
