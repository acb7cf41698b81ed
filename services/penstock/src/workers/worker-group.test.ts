import { silentObservability } from "@penstock/observability";
import { ManualClock } from "@penstock/runtime";
import type { HealthReport } from "@penstock/runtime";
import { describe, expect, it } from "vitest";
import { WorkerQuestions } from "./ask-workers.ts";
import { WorkerGroup } from "./worker-group.ts";
import type { WorkerListener } from "./worker-group.ts";
import type { PrimaryMessage } from "./worker-messages.ts";

interface FakeWorker {
  readonly index: number;
  readonly listener: WorkerListener;
  readonly heard: PrimaryMessage[];
  killed: boolean;
}

function setUp(count: number) {
  const clock = new ManualClock();
  const { logger, metrics } = silentObservability();
  const forked: FakeWorker[] = [];
  const group = new WorkerGroup({
    count,
    clock,
    logger,
    metrics,
    fork: (index, listener) => {
      const worker: FakeWorker = { index, listener, heard: [], killed: false };
      forked.push(worker);
      return {
        pid: forked.length,
        send: (message) => void worker.heard.push(message),
        kill: () => void (worker.killed = true),
      };
    },
  });
  const newest = (index: number): FakeWorker => {
    const found = forked.findLast((worker) => worker.index === index);
    if (found === undefined) throw new Error(`worker ${index} was not started`);
    return found;
  };
  const ports = { http: 1, grpc: 2 };
  const open = (index: number): void =>
    newest(index).listener.onMessage({ kind: "started", ports });
  const report = (index: number, ready: boolean): void => {
    const state = ready ? "ready" : "not_ready";
    const health: HealthReport = { ready, components: [{ name: "usage", state, detail: "" }] };
    newest(index).listener.onMessage({ kind: "health", report: health });
  };
  const die = (index: number, code: number | null = null): void =>
    newest(index).listener.onExit(code, code === null ? "SIGKILL" : `exit code ${code}`);
  return { clock, group, metrics, forked, newest, open, report, die };
}

async function started(count: number) {
  const all = setUp(count);
  const ports = all.group.start();
  for (let index = 0; index < count; index += 1) {
    all.open(index);
    all.report(index, true);
  }
  await ports;
  return all;
}

describe("WorkerGroup", () => {
  it("is started when the doors of all are open, and ready when one is", async () => {
    const { group, open, report } = setUp(2);
    const ports = group.start();
    open(0);
    report(0, true);
    expect(await Promise.race([ports, Promise.resolve("waits")])).toBe("waits");
    expect(group.report().ready).toBe(true);
    open(1);
    expect(await ports).toEqual({ http: 1, grpc: 2 });
    report(1, false);
    expect(group.report().ready).toBe(true);
    report(1, true);
    report(1, false);
    expect(group.report()).toMatchObject({
      ready: false,
      components: [{ name: "worker 0 usage" }, { name: "worker 1 usage", state: "not_ready" }],
    });
  });

  it("does not start when one can't, and leaves none behind", async () => {
    const { group, newest, open, die } = setUp(2);
    const ports = group.start();
    open(0);
    die(1, 1);
    await expect(ports).rejects.toThrow("worker 1 ended before it had started (exit code 1)");
    expect(newest(0).killed).toBe(true);
  });

  it("starts a dead one again, later each time, and stays ready by the others", async () => {
    const { clock, group, metrics, forked, open, report, die } = await started(2);
    const waits: number[] = [];
    for (let death = 0; death < 10; death += 1) {
      die(1);
      const before = forked.length;
      let waitedMs = 0;
      for (; forked.length === before; waitedMs += 100) clock.advance(100);
      waits.push(waitedMs);
      expect(group.report().ready).toBe(true);
      open(1);
      report(1, true);
    }
    expect(waits.slice(0, 4)).toEqual([200, 400, 800, 1_600]);
    expect(waits.at(-1)).toBe(30_000);
    expect(metrics.render()).toContain('penstock_worker_restarts_total{worker="1"} 10');
    clock.advance(60_000);
    die(1);
    const before = forked.length;
    clock.advance(200);
    expect(forked.length).toBe(before + 1);
  });

  it("gives up when all die again and again", async () => {
    const { clock, group, open, die } = await started(2);
    for (let death = 0; death < 5; death += 1) {
      die(0);
      die(1);
      clock.advance(30_000);
      if (death === 4) break;
      open(0);
      open(1);
    }
    expect((await group.failed).message).toContain("died 5 times in a row");
  });

  it("drains all, hurries all, and ends when all have ended", async () => {
    const { clock, group, forked, newest, die } = await started(2);
    const ended = group.drain();
    void group.drain().catch(() => undefined);
    expect(group.report().ready).toBe(false);
    expect(newest(0).heard).toEqual([{ kind: "drain" }, { kind: "drain" }]);
    die(0, 0);
    expect(await Promise.race([ended, Promise.resolve("waits")])).toBe("waits");
    die(1, 0);
    await ended;
    clock.advance(60_000);
    expect(forked).toHaveLength(2);
  });

  it("says so when one did not end cleanly", async () => {
    const { group, die } = await started(2);
    const ended = group.drain();
    die(0, 1);
    die(1, 0);
    await expect(ended).rejects.toThrow("did not end cleanly");
  });
});

describe("WorkerQuestions", () => {
  it("takes the answers that come in time, and leaves out who is silent or gone", async () => {
    const { clock, group, newest, die } = await started(3);
    const questions = new WorkerQuestions(group, clock);
    const asked = questions.askAll("metrics", 2_000);
    const [question] = newest(0).heard;
    if (question?.kind !== "question") throw new Error("nothing was asked");
    newest(0).listener.onMessage({ kind: "answer", id: question.id, value: "a 1\n" });
    die(1);
    clock.advance(2_000);
    expect(await asked).toEqual([{ worker: 0, value: "a 1\n" }]);
    const gone = questions.ask(1, "metrics", { request: {}, timeoutMs: 100 });
    clock.advance(100);
    await expect(gone).rejects.toMatchObject({ reason: "UNAVAILABLE" });
  });
});
