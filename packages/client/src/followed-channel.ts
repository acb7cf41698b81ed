import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createSecureContext } from "node:tls";
import type { Client } from "@grpc/grpc-js";
import type { PenstockClientOptions, TlsOptions } from "./channel.ts";
import { openChannel } from "./channel.ts";
import { closedError } from "./penstock-error.ts";

/** How often certificate files are read again where nobody says it. */
const defaultReloadMs = 60_000;
/** Calls that wait for a connection of the old channel have long got one by then, or failed. */
const oldChannelMs = 30_000;

/** The files that TLS options name, by what they hold. */
const fileOptions = {
  rootCertificates: "caFile",
  certificate: "certificateFile",
  privateKey: "privateKeyFile",
} as const satisfies Partial<Record<keyof TlsOptions, keyof TlsOptions>>;

type Held = keyof typeof fileOptions;
type Material = Partial<Record<Held, Uint8Array>>;

/**
 * The channel for the next call. Where TLS goes by files they are read again from time to time: new
 * ones get a channel of their own, so that no service restarts for a certificate, and calls under
 * way end on the old one. Files that can't be used leave everything as it is.
 */
export class FollowedChannel {
  readonly #options: PenstockClientOptions;
  readonly #tls: TlsOptions;
  readonly #files: readonly (readonly [Held, string])[];
  #material: Material = {};
  #channel: Client;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  readonly #old = new Map<Client, NodeJS.Timeout>();

  /** Throws a TypeError for options that contradict each other, or files that can't be used. */
  constructor(options: PenstockClientOptions) {
    this.#options = options;
    this.#tls = options.tls === undefined || options.tls === true ? {} : options.tls;
    this.#files = filesOf(this.#tls);
    this.#material = readAll(this.#files);
    this.#channel = this.#open(this.#material);
    if (this.#files.length > 0) this.#schedule();
  }

  /** For one call, which is to begin at once. Throws a PenstockError after `close`. */
  get current(): Client {
    if (this.#closed) throw closedError();
    return this.#channel;
  }

  /** Closes the connections; calls on them are finished first, those that wait for one fail. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const [channel, timer] of this.#old) {
      clearTimeout(timer);
      channel.close();
    }
    this.#old.clear();
    this.#channel.close();
  }

  #open(material: Material): Client {
    if (this.#files.length === 0) return openChannel(this.#options);
    return openChannel({ ...this.#options, tls: { ...this.#tls, ...material } });
  }

  /** The timer keeps no process alive that has nothing else to do. */
  #schedule(): void {
    const reloadMs = this.#tls.reloadIntervalMs ?? defaultReloadMs;
    this.#timer = setTimeout(() => void this.#reload(), reloadMs).unref();
  }

  /** Never rejects. */
  async #reload(): Promise<void> {
    try {
      const read = await Promise.all(
        this.#files.map(async ([held, file]) => [held, await readFile(file)] as const),
      );
      const material: Material = Object.fromEntries(read);
      if (this.#timer !== undefined && isOther(material, this.#material)) this.#replace(material);
    } catch (error) {
      this.#tls.onReloadProblem?.(error instanceof Error ? error : new Error(String(error)));
    }
    if (this.#timer !== undefined) this.#schedule();
  }

  #replace(material: Material): void {
    // Of a certificate whose key is not there yet nothing is used.
    check({ ...this.#tls, ...material });
    const old = this.#channel;
    this.#channel = this.#open(material);
    this.#material = material;
    const end = (): void => {
      this.#old.delete(old);
      old.close();
    };
    this.#old.set(old, setTimeout(end, oldChannelMs).unref());
  }
}

function filesOf(tls: TlsOptions): [Held, string][] {
  const files: [Held, string][] = [];
  for (const [held, option] of Object.entries(fileOptions) as [Held, keyof TlsOptions][]) {
    const file = tls[option];
    if (typeof file !== "string") continue;
    if (tls[held] !== undefined) throw new TypeError(`tls has both ${held} and ${option}.`);
    files.push([held, file]);
  }
  return files;
}

function readAll(files: readonly (readonly [Held, string])[]): Material {
  try {
    const read = files.map(([held, file]) => [held, readFileSync(file)] as const);
    const material: Material = Object.fromEntries(read);
    check(material);
    return material;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : "unknown";
    throw new TypeError(`The certificate files can't be used: ${why}`, { cause });
  }
}

/** Throws for what is no certificate, and for a key that is not that of the certificate. */
function check({ rootCertificates, certificate, privateKey }: TlsOptions): void {
  createSecureContext({
    ...(rootCertificates === undefined ? {} : { ca: Buffer.from(rootCertificates) }),
    ...(certificate === undefined ? {} : { cert: Buffer.from(certificate) }),
    ...(privateKey === undefined ? {} : { key: Buffer.from(privateKey) }),
  });
}

function isOther(material: Material, known: Material): boolean {
  return (Object.keys(material) as Held[]).some((held) => {
    const [one, other] = [material[held], known[held]];
    return one === undefined || other === undefined || Buffer.compare(one, other) !== 0;
  });
}
