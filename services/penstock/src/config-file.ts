import type { FSWatcher } from "node:fs";
import { applyManifests, ManifestsRefused, readManifestFiles } from "./apply-manifests.ts";
import type { ControlClients } from "./api/clients.ts";
import { printError } from "./output/print-error.ts";
import { watchConfig } from "./watch-config.ts";

/** The manifest of `start --config`: applied at the start and at every change of the file. */
export class ConfigFile {
  readonly #file: string;
  readonly #talk: (text: string) => void;
  #applied: string | undefined;
  #watcher: FSWatcher | undefined;

  constructor(file: string, talk: (text: string) => void) {
    this.#file = file;
    this.#talk = talk;
  }

  /**
   * Applies the file and says what came of it. What is wrong is told and leads to undefined: the
   * gateway goes on with what it has, and the next change of the file is another try.
   */
  async apply(clients: Pick<ControlClients, "resources">): Promise<bigint | undefined> {
    try {
      const texts = readManifestFiles([this.#file], () => "");
      const text = texts[0]?.text;
      if (text === this.#applied) return undefined;
      const { revision } = await applyManifests(texts, clients);
      this.#applied = text;
      this.#talk(`penstock: ${this.#file} is applied (revision ${revision})\n`);
      return revision;
    } catch (thrown) {
      const isRefused = thrown instanceof ManifestsRefused;
      const lines = isRefused
        ? `${thrown.lines().join("\n")}\npenstock: ${this.#file}: ${thrown.message}\n`
        : printError(thrown).text;
      this.#talk(lines);
      return undefined;
    }
  }

  /** Applies the file whenever it changes, until `close`. */
  follow(clients: Pick<ControlClients, "resources">): void {
    this.#watcher = watchConfig(this.#file, async () => {
      await this.apply(clients);
    });
  }

  close(): void {
    this.#watcher?.close();
  }

  /** Throws when the file can't be read, before anything is started. */
  static open(file: string, talk: (text: string) => void): ConfigFile {
    readManifestFiles([file], () => "");
    return new ConfigFile(file, talk);
  }
}
