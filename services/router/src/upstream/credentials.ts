import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { Logger } from "@penstock/observability";
import { parseKey, readEnvironmentVariable, Secret } from "@penstock/runtime";
import type { Clock, Timer } from "@penstock/runtime";
import { cloudIdentities } from "./cloud-identities.ts";
import type { CloudIdentity } from "./cloud-identity.ts";
import { IdentityTokens } from "./identity-tokens.ts";

/** How often files are read again, so that a rotated secret is used without a restart. */
const refreshMs = 30_000;
/** No credential of a provider is longer; a file that is, is another file. */
const longestCharacters = 65_536;
/** What may stand in the value of a header. */
const sendable = /^[\u0021-\u007e]+$/;

/** Where secrets come from, and when they changed. */
export interface CredentialSource {
  /** Grows when any secret changed. */
  readonly version: number;
  /** The secret of `env:NAME`, `file:PATH` or a cloud's identity; undefined: it is missing. */
  resolve(reference: string): Secret | undefined;
}

interface Known {
  readonly text: string | undefined;
  readonly secret: Secret | undefined;
  /** Why there is no secret, as the end of a sentence. */
  readonly problem: string | undefined;
}

/** What credentials are read with. */
export interface CredentialsOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Reads a variable; that of the process when absent. */
  readonly readVariable?: (name: string) => string | undefined;
  /** The clouds whose identity may be used; all that are known when absent. */
  readonly identities?: readonly CloudIdentity[];
}

/**
 * The secrets that the configuration refers to. They are read once, files again every 30 s; what a
 * cloud gives is renewed before it expires.
 */
export class Credentials implements CredentialSource {
  readonly #options: CredentialsOptions;
  readonly #known = new Map<string, Known>();
  readonly #tokens: IdentityTokens;
  /** Hears of references whose files have another secret now. */
  onChanged: (reference: string) => void = () => undefined;
  #version = 0;
  #timer: Timer | undefined;

  constructor(options: CredentialsOptions) {
    this.#options = options;
    const { clock, logger, identities = cloudIdentities } = options;
    this.#tokens = new IdentityTokens({ clock, logger, identities });
  }

  get version(): number {
    return this.#version + this.#tokens.version;
  }

  resolve(reference: string): Secret | undefined {
    if (this.#tokens.answers(reference)) return this.#tokens.resolve(reference);
    return this.#know(reference).secret;
  }

  /** Why a reference can't be resolved, as the end of a sentence; undefined when it can be. */
  problemOf(reference: string): string | undefined {
    if (this.#tokens.answers(reference)) return this.#tokens.problemOf(reference);
    return this.#know(reference).problem;
  }

  /** Obtains what clouds have to give for these references, before a request needs it. */
  prepare(references: Iterable<string>): void {
    this.#tokens.retain(references);
  }

  /** Begins to read files again from time to time. */
  start(): void {
    this.#timer = this.#options.clock.schedule(refreshMs, () => {
      void this.refresh().finally(() => {
        if (this.#timer !== undefined) this.start();
      });
    });
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#tokens.stop();
  }

  /** Reads every file anew; never rejects. A file that can't be read keeps its last secret. */
  async refresh(): Promise<void> {
    for (const [reference, known] of this.#known) {
      if (!reference.startsWith("file:")) continue;
      try {
        const text = (await readFile(reference.slice("file:".length), "utf8")).trim();
        if (text === known.text) continue;
        this.#known.set(reference, this.#judge(reference, text));
        this.#version += 1;
        this.onChanged(reference);
      } catch (error) {
        if (known.secret === undefined) continue;
        this.#options.logger.warn("a credential can't be read again; the last one is used", {
          credential_reference: reference,
          error,
        });
      }
    }
  }

  #know(reference: string): Known {
    let known = this.#known.get(reference);
    if (known === undefined) {
      known = this.#judge(reference, this.#read(reference));
      this.#known.set(reference, known);
    }
    return known;
  }

  #read(reference: string): string | undefined {
    if (reference.startsWith("env:")) {
      const read = this.#options.readVariable ?? readEnvironmentVariable;
      return read(reference.slice("env:".length));
    }
    if (!reference.startsWith("file:")) return undefined;
    try {
      return readFileSync(reference.slice("file:".length), "utf8").trim();
    } catch {
      return undefined;
    }
  }

  #judge(reference: string, text: string | undefined): Known {
    const problem = problemOf(text, reference);
    if (problem === undefined && text !== undefined) {
      return { text, secret: new Secret(text), problem };
    }
    this.#options.logger.warn("a provider's credential is missing", {
      credential_reference: reference,
      problem,
    });
    return { text, secret: undefined, problem };
  }
}

function problemOf(text: string | undefined, reference: string): string | undefined {
  const isFile = reference.startsWith("file:");
  if (text === undefined) return isFile ? "can't be read" : "is not set";
  if (text === "") return "is empty";
  if (text.length > longestCharacters || !sendable.test(text)) return "can't be a credential";
  // `demo.env` sets OPENAI_API_KEY to a key of ours: sent to a provider it would leak.
  if (parseKey(text) !== undefined) return "is a key of Penstock itself and is ignored";
  return undefined;
}
