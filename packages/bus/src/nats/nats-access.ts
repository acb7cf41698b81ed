import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { checkServerIdentity } from "node:tls";
import type { PeerCertificate } from "node:tls";
import {
  credsAuthenticator,
  nkeyAuthenticator,
  nkeys,
  usernamePasswordAuthenticator,
} from "@nats-io/transport-node";
import type { Authenticator, TlsOptions } from "@nats-io/transport-node";
import { GatewayError } from "@penstock/errors";
import { invalidBusUrl, readBusUrl } from "../bus-url.ts";

/** Where to connect and as whom; nothing of it may be logged but `shown`. */
export interface NatsAccess {
  /** `host:port` of each server, without secrets. */
  readonly servers: string[];
  /** The same for people. */
  readonly shown: string;
  readonly tls: TlsOptions | undefined;
  /**
   * Read for every connection, so that a credentials file that was replaced is used from the next
   * one on. Throws FAILED_PRECONDITION for a file that is missing or not understood.
   */
  identify(): NatsIdentity;
}

/** Who connects. */
export interface NatsIdentity {
  readonly authenticator: Authenticator | undefined;
  /** Where answers are sent: the server's permissions keep one user from another's. */
  readonly inboxPrefix: string;
}

/** What `openBus` was told. */
export interface NatsAccessOptions {
  readonly url: string;
  readonly credentialsFile?: string | undefined;
  readonly caFile?: string | undefined;
}

const nobody: NatsIdentity = { authenticator: undefined, inboxPrefix: "_INBOX" };
const maxCredentialsBytes = 65_536;

/**
 * Takes the URL apart. Secrets of the URL serve all its servers.
 *
 * @throws GatewayError FIELD_INVALID, without what stands before an `@`.
 */
export function readNatsAccess(options: NatsAccessOptions): NatsAccess {
  const { servers, user, isTls } = readBusUrl(options.url);
  const fromUrl = user === undefined ? nobody : identityOfUser(user, decodePart);
  const { credentialsFile, caFile } = options;
  return {
    servers,
    shown: servers.join(", "),
    tls: isTls || caFile !== undefined ? tlsOptions(servers, caFile) : undefined,
    identify: () => (credentialsFile === undefined ? fromUrl : readCredentials(credentialsFile)),
  };
}

/**
 * The client names no server that it reaches by an address, and Node then asks the certificate for
 * "localhost": so the addresses of the URL count, too.
 */
function tlsOptions(servers: readonly string[], caFile: string | undefined): TlsOptions {
  const hosts = servers.map((server) => new URL(`nats://${server}`).hostname);
  const addresses = hosts.map((host) => host.replaceAll(/[[\]]/g, "")).filter((host) => isIP(host));
  const identity = {
    checkServerIdentity: (name: string, certificate: PeerCertificate): Error | undefined => {
      const problem = checkServerIdentity(name, certificate);
      if (problem === undefined || name !== "localhost") return problem;
      const isNamed = (address: string) => checkServerIdentity(address, certificate) === undefined;
      return addresses.some(isNamed) ? undefined : problem;
    },
  };
  return { ...identity, ...(caFile === undefined ? {} : { caFile }) };
}

function decodePart(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalidBusUrl();
  }
}

function identityOfUser(text: string, decode: (part: string) => string): NatsIdentity {
  const at = text.indexOf(":");
  const user = decode(at < 0 ? text : text.slice(0, at));
  const password = at < 0 ? "" : decode(text.slice(at + 1));
  const authenticator = usernamePasswordAuthenticator(user, password);
  return { authenticator, inboxPrefix: inboxOf(user) };
}

/** A NATS `.creds` file, an nkey seed (`SU…`), or one line `user:password`. */
function readCredentials(path: string): NatsIdentity {
  const bytes = readFile(path);
  const text = bytes.toString("utf8").trim();
  if (text.includes("BEGIN NATS USER JWT")) {
    return { authenticator: credsAuthenticator(bytes), inboxPrefix: inboxOf(nameInToken(text)) };
  }
  if (/^SU[A-Z2-7]{56}$/.test(text)) {
    const seed = new TextEncoder().encode(text);
    const name = nkeys.fromSeed(seed).getPublicKey();
    return { authenticator: nkeyAuthenticator(seed), inboxPrefix: inboxOf(name) };
  }
  if (/^[^\s:]+:\S+$/.test(text)) return identityOfUser(text, (part) => part);
  throw unreadable(path, "holds neither a NATS .creds, nor an nkey seed, nor user:password");
}

function readFile(path: string): Buffer {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw unreadable(path, "cannot be read", cause);
  }
  if (bytes.length > maxCredentialsBytes) throw unreadable(path, "is too large");
  return bytes;
}

function unreadable(path: string, problem: string, cause?: unknown): GatewayError {
  const message = `PENSTOCK_BUS_CREDENTIALS: ${path} ${problem}`;
  return new GatewayError("FAILED_PRECONDITION", message, { source: "gateway", cause });
}

/** The user's name in the token of a `.creds` file; the server checks the token, not this. */
function nameInToken(text: string): string {
  const claims = /-\s*\n\s*[\w-]+\.(?<claims>[\w-]+)\./.exec(text)?.groups?.["claims"] ?? "";
  try {
    const read: unknown = JSON.parse(Buffer.from(claims, "base64url").toString("utf8"));
    if (typeof read === "object" && read !== null && "name" in read) return String(read.name);
  } catch {
    // The server will say what is wrong with it.
  }
  return "";
}

function inboxOf(user: string): string {
  const word = user.replaceAll(/[^A-Za-z0-9_-]/g, "_").slice(0, 64);
  return word === "" ? nobody.inboxPrefix : `_INBOX.${word}`;
}
