import type { FSWatcher } from "node:fs";
import { GatewayError } from "@penstock/errors";
import { applyManifests, ManifestsRefused } from "./apply-manifests.ts";
import type { ControlClients } from "./api/clients.ts";
import { readManifestFile } from "./manifest/read-manifest-files.ts";
import type { ManifestText } from "./manifest/read-manifests.ts";
import { readManifests } from "./manifest/read-manifests.ts";
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
   * Says what is wrong with the file by itself, before there is anything to apply it to.
   *
   * @throws GatewayError FIELD_INVALID when something is.
   */
  check(): void {
    const texts = this.#read();
    const manifest = readManifests(texts);
    if (manifest.problems.length > 0) throw this.#told(new ManifestsRefused(manifest));
  }

  /**
   * Applies the file; resolves to the revision that has it, or undefined where it has not changed.
   *
   * @throws GatewayError what is wrong; that of a manifest was told by then, line by line.
   */
  async apply(clients: Pick<ControlClients, "resources">): Promise<bigint | undefined> {
    const texts = this.#read();
    const text = texts[0]?.text;
    if (text === this.#applied) return undefined;
    try {
      const { revision } = await applyManifests(texts, clients);
      this.#applied = text;
      this.#talk(`penstock: ${this.#file} is applied (revision ${revision})\n`);
      return revision;
    } catch (thrown) {
      throw this.#told(thrown);
    }
  }

  /** Every problem as a line of its own; what is thrown is their number. */
  #told(thrown: unknown): unknown {
    if (!(thrown instanceof ManifestsRefused)) return thrown;
    this.#talk(`${thrown.lines().join("\n")}\n`);
    const message = `${this.#file}: ${thrown.message}`;
    return new GatewayError("FIELD_INVALID", message, { cause: thrown });
  }

  #read(): ManifestText[] {
    return [ConfigFile.#readable(this.#file)];
  }

  /**
   * Applies the file whenever it changes, until `close`. What is wrong is told: the gateway goes on
   * with what it has, and the next change of the file is another try.
   */
  follow(clients: Pick<ControlClients, "resources">): void {
    const onChange = async (): Promise<void> => {
      try {
        await this.apply(clients);
      } catch (thrown) {
        this.#talk(printError(thrown).text);
      }
    };
    const onProblem = (problem: unknown): void => {
      const why = problem instanceof Error ? problem.message : String(problem);
      this.#talk(`penstock: changes of ${this.#file} are not followed: ${why}\n`);
    };
    try {
      this.#watcher = watchConfig(this.#file, onChange, onProblem);
    } catch (thrown) {
      onProblem(thrown);
    }
  }

  close(): void {
    this.#watcher?.close();
  }

  /** Throws when the file can't be read, before anything is started. */
  static open(file: string, talk: (text: string) => void): ConfigFile {
    this.#readable(file);
    return new ConfigFile(file, talk);
  }

  static #readable(file: string): ManifestText {
    const text = readManifestFile(file);
    if (text.unread !== undefined) throw unreadError(file, text.unread);
    return text;
  }
}

function unreadError(file: string, why: string): GatewayError {
  return new GatewayError("FIELD_INVALID", `${file} ${why}`);
}
