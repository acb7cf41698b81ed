import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import process from "node:process";
import { silentObservability } from "@penstock/observability";
import { systemClock } from "@penstock/runtime";
import { afterEach, expect, it, vi } from "vitest";
import { scanRecords } from "./spool-record.ts";
import { Spool } from "./spool.ts";

const folder = mkdtempSync(`${tmpdir()}/spool-full-`);
let mounted = false;

/** Whether this process may mount: in many containers it may not. */
function mount(sizeBytes: number): boolean {
  try {
    const options = `size=${sizeBytes}`;
    execFileSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", folder], { stdio: "ignore" });
    mounted = true;
  } catch {
    mounted = false;
  }
  return mounted;
}

let spool: Spool | undefined;
afterEach(async () => {
  await spool?.close();
  if (mounted) execFileSync("umount", [folder], { stdio: "ignore" });
  rmdirSync(folder);
});

const kibibyte = 1024;
const told = (write: (done: { onSpooled(error: unknown): void }) => void): Promise<unknown> =>
  new Promise((resolve) => write({ onSpooled: resolve }));

it.skipIf(process.getuid?.() !== 0)(
  "keeps the ends of what runs when the disk is full, and goes on when it is not",
  async ({ skip }) => {
    if (!mount(256 * kibibyte)) skip("this process may not mount");
    const observability = silentObservability();
    const options = { folder, replica: "r", clock: systemClock, observability };
    spool = Spool.open({ ...options, segmentBytes: 64 * kibibyte });
    const opened = spool;
    const payload = new Uint8Array(100);
    const intent = (id: string) => told((done) => opened.intent(id, payload, done));
    const final = (requestId: string) => {
      const sequence = opened.nextSequence();
      return told((done) => opened.final({ requestId, payload, sequence }, done));
    };
    const running = Array.from({ length: 50 }, (_, index) => `running-${index}`);
    for (const id of running) expect(await intent(id)).toBeUndefined();
    const filler = `${folder}/filler`;
    expect(() => writeFileSync(filler, new Uint8Array(kibibyte * kibibyte))).toThrow("ENOSPC");
    // The last block may have some room left.
    let accepted = 0;
    while ((await intent(`more-${accepted}`)) === undefined) accepted += 1;
    expect(await intent("refused")).toMatchObject({ reason: "METERING_UNAVAILABLE" });
    for (const id of running) expect(await final(id)).toBeUndefined();
    rmSync(filler);
    await vi.waitFor(async () => expect(await intent("again")).toBeUndefined(), 5_000);
    await opened.close();
    const ends = readdirSync(folder)
      .filter((name) => name.endsWith(".seg"))
      .flatMap((name) => [
        ...scanRecords(readFileSync(`${folder}/${name}`), { end: 0, corrupt: 0 }),
      ])
      .filter(({ kind }) => kind === "final");
    expect(new Set(ends.map(({ requestId }) => requestId))).toEqual(new Set(running));
    expect(new Set(ends.map(({ sequence }) => sequence)).size).toBe(running.length);
    const next = Spool.open(options);
    spool = next;
    expect(next.retiredEpochs).toMatchObject([
      { lastSequence: BigInt(running.length + accepted + 1) },
    ]);
  },
);
