import { spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { describe, expect, it } from "vitest";
import { parseProcessIdentity, stateOfProcess, thisProcess } from "./process-identity.ts";

describe("process identity", () => {
  it("knows a living process from one that is gone or took its number", async () => {
    const own = thisProcess();
    expect(own.pid).toBe(process.pid);
    expect(stateOfProcess(own)).toBe("alive");
    expect(stateOfProcess({ ...own, startTime: "1" })).toBe("gone");
    const child = spawn(process.execPath, ["-e", ""]);
    await once(child, "exit");
    expect(stateOfProcess({ ...own, pid: child.pid ?? 0 })).toBe("gone");
    expect(stateOfProcess({ ...own, namespace: "elsewhere" })).toBe("unseen");
  });

  it("takes a process that has ended for gone although nobody waited for it", async () => {
    // A shell that becomes `sleep` never waits for what it had started.
    const script = "sleep 0 & echo $! $(cut -d' ' -f22 /proc/$!/stat); exec sleep 5";
    const parent = spawn("sh", ["-c", script], { stdio: ["ignore", "pipe", "ignore"] });
    const [line] = (await once(parent.stdout, "data")) as [Buffer];
    const [pid, startTime = ""] = line.toString().trim().split(" ");
    const identity = { ...thisProcess(), pid: Number(pid), startTime };
    await expect.poll(() => stateOfProcess(identity)).toBe("gone");
    parent.kill();
  });

  it("reads what it wrote and nothing else", () => {
    const own = thisProcess();
    expect(parseProcessIdentity(JSON.stringify(own))).toEqual(own);
    for (const text of ["", "7", "null", '{"pid":"7"}', '{"pid":7,"startTime":1}']) {
      expect(parseProcessIdentity(text)).toBeUndefined();
    }
  });
});
