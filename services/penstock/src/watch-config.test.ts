import type { FSWatcher } from "node:fs";
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { watchConfig } from "./watch-config.ts";

let folder = "";
let watcher: FSWatcher | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "penstock-watch-"));
});

afterEach(() => {
  watcher?.close();
  rmSync(folder, { recursive: true });
});

function follow(file: string) {
  const seen: string[] = [];
  const problems: Error[] = [];
  const onChange = async (): Promise<void> => void seen.push(readFileSync(file, "utf8"));
  watcher = watchConfig(file, onChange, (problem) => problems.push(problem));
  return { seen, problems, watcher };
}

describe("a file that is followed", () => {
  it("is read again when it is written or replaced", async () => {
    const file = join(folder, "gateway.yaml");
    writeFileSync(file, "one");
    const { seen } = follow(file);
    writeFileSync(file, "two");
    await vi.waitFor(() => expect(seen.at(-1)).toBe("two"));
    writeFileSync(`${file}.new`, "three");
    renameSync(`${file}.new`, file);
    await vi.waitFor(() => expect(seen.at(-1)).toBe("three"));
  });

  it("is read again when the folder that it is linked into is replaced", async () => {
    const place = (name: string, text: string): void => {
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, "gateway.yaml"), text);
    };
    place("..first", "one");
    symlinkSync("..first", join(folder, "..data"));
    symlinkSync("..data/gateway.yaml", join(folder, "gateway.yaml"));
    const { seen } = follow(join(folder, "gateway.yaml"));
    place("..second", "two");
    symlinkSync("..second", join(folder, "..data_tmp"));
    renameSync(join(folder, "..data_tmp"), join(folder, "..data"));
    await vi.waitFor(() => expect(seen.at(-1)).toBe("two"));
  });

  it("has a watch that breaks told, which ends nothing", () => {
    const file = join(folder, "gateway.yaml");
    writeFileSync(file, "one");
    const { problems, watcher: broken } = follow(file);
    broken.emit("error", new Error("EMFILE"));
    expect(problems.map(({ message }) => message)).toEqual(["EMFILE"]);
    expect(() =>
      watchConfig(
        join(folder, "none/a"),
        async () => {},
        () => {},
      ),
    ).toThrow("ENOENT");
  });
});
