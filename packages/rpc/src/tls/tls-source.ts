import type { Socket } from "node:net";
import type { SecureContextOptions } from "node:tls";
import type { Logger } from "@penstock/observability";
import { reportFailures } from "./report-failures.ts";
import type { TlsFiles, TlsMaterial } from "./tls-files.ts";
import {
  readTlsFiles,
  readTlsFilesLater,
  sameMaterial,
  secureContextOptions,
} from "./tls-files.ts";

/** Files of a server. */
export interface TlsServerFiles {
  /** The certificate, then those between it and the authority. */
  readonly certificateFile: string;
  readonly keyFile: string;
  /** Authorities of client certificates; clients are asked for one when this is given. */
  readonly clientCaFile?: string | undefined;
  /** How often the files are looked at, in milliseconds; every 5 s when absent. */
  readonly checkIntervalMs?: number | undefined;
}

/** A server's certificate and authorities, followed while their files change. */
export interface TlsSource {
  /** Whether clients are asked for a certificate. */
  readonly asksForCertificate: boolean;
  current(): TlsMaterial;
  /** Options of `node:tls` with what is current. */
  options(): SecureContextOptions;
  /** Runs after a change; the result ends that. */
  onChange(listener: (options: SecureContextOptions) => void): () => void;
  /** Logs why a client could not connect; for the event `tlsClientError` of servers. */
  reportFailure(error: Error, socket: Socket): void;
  close(): void;
}

/** Renewals are by hand or by programs that take seconds. */
const defaultCheckIntervalMs = 5_000;

/** The share of a certificate's life at whose end it should have been renewed. */
const lateShare = 0.1;

/**
 * Opens the files and follows them. A change that is not in order is logged, and the former
 * material stays. Throws FIELD_INVALID when they are not in order now.
 */
export function openTlsSource(files: TlsServerFiles, logger: Logger): TlsSource {
  return new FollowedFiles(files, logger);
}

class FollowedFiles implements TlsSource {
  readonly asksForCertificate: boolean;
  readonly reportFailure: (error: Error, socket: Socket) => void;
  readonly #files: TlsFiles;
  readonly #logger: Logger;
  readonly #listeners = new Set<(options: SecureContextOptions) => void>();
  readonly #timer: NodeJS.Timeout;
  #material: TlsMaterial;
  #problem = "";
  #warned = "";
  #reading = false;

  constructor(files: TlsServerFiles, logger: Logger) {
    const { certificateFile, keyFile, clientCaFile } = files;
    this.asksForCertificate = clientCaFile !== undefined;
    this.#files = { certificateFile, keyFile, caFile: clientCaFile };
    this.#logger = logger;
    this.reportFailure = reportFailures(logger);
    this.#material = readTlsFiles(this.#files);
    this.#warnOfExpiry();
    const intervalMs = files.checkIntervalMs ?? defaultCheckIntervalMs;
    this.#timer = setInterval(() => void this.#check(), intervalMs).unref();
  }

  current(): TlsMaterial {
    return this.#material;
  }

  options(): SecureContextOptions {
    return secureContextOptions(this.#material);
  }

  onChange(listener: (options: SecureContextOptions) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#listeners.clear();
  }

  async #check(): Promise<void> {
    if (this.#reading) return;
    this.#reading = true;
    try {
      const material = await readTlsFilesLater(this.#files);
      this.#problem = "";
      if (!sameMaterial(material, this.#material)) this.#adopt(material);
    } catch (error) {
      this.#report(error);
    } finally {
      this.#reading = false;
    }
    this.#warnOfExpiry();
  }

  #adopt(material: TlsMaterial): void {
    this.#material = material;
    const options = this.options();
    for (const listener of this.#listeners) listener(options);
    this.#logger.info("TLS files were read again", {
      certificate_file: this.#files.certificateFile,
      not_after: material.validity?.notAfter.toISOString(),
    });
  }

  /** Once for each different problem: files are looked at every few seconds. */
  #report(error: unknown): void {
    const problem = error instanceof Error ? error.message : String(error);
    if (problem === this.#problem) return;
    this.#problem = problem;
    this.#logger.warn("TLS files changed and are not in order; the former stay in use", {
      problem,
    });
  }

  #warnOfExpiry(): void {
    const { validity } = this.#material;
    if (validity === undefined) return;
    const notAfter = validity.notAfter.toISOString();
    const lifeMs = validity.notAfter.getTime() - validity.notBefore.getTime();
    const leftMs = validity.notAfter.getTime() - Date.now();
    const state = leftMs <= 0 ? "expired" : leftMs < lifeMs * lateShare ? "expires soon" : "";
    if (state === "" || this.#warned === `${state} ${notAfter}`) return;
    this.#warned = `${state} ${notAfter}`;
    const fields = { certificate_file: this.#files.certificateFile, not_after: notAfter };
    if (leftMs <= 0) this.#logger.error("the TLS certificate has expired", fields);
    else this.#logger.warn("the TLS certificate expires soon and should be renewed", fields);
  }
}
