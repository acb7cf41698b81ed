import { createHmac, hash } from "node:crypto";
import type { Secret } from "@penstock/runtime";

/** What is signed. */
export interface SignedCall {
  readonly method: string;
  /** Escaped, as it is sent; without a query. */
  readonly path: string;
  readonly body: string | Buffer;
  /** When. Wall time, unit: milliseconds. */
  readonly wallMs: number;
}

/** Where signatures of one provider are good. */
export interface SigningScope {
  /** Host of the address, with its port if it has one. */
  readonly host: string;
  readonly region: string;
  /** Name of the service in signatures, such as `bedrock`. */
  readonly service: string;
}

/** The parts of a secret `<access key id>:<secret key>` or `<access key id>:<secret key>:<token>`. */
export interface AwsKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

const algorithm = "AWS4-HMAC-SHA256";
const contentType = "application/json";

/** What signatures of one day are made with. */
interface DayKey {
  /** `20261123` */
  readonly day: string;
  readonly scope: string;
  readonly key: Buffer;
}

/**
 * Signs calls of one provider with one set of keys: Signature Version 4 with the signature in a
 * header, after the Identity and Access Management user guide of AWS. Of its own because a
 * client's signer, made for any request, costs half as much as the rest of a call.
 */
export class AwsSigner {
  readonly #keys: AwsKeys;
  readonly #scope: SigningScope;
  /** As they are signed: the lines of headers but for those that differ between calls. */
  readonly #tokenLine: string;
  readonly #signedNames: string;
  #today: DayKey | undefined;
  /** The last time and the last path, which the next call mostly shares. */
  #second = Number.NaN;
  #time = "";
  #path = "";
  #signedPath = "";

  constructor(keys: AwsKeys, scope: SigningScope) {
    this.#keys = keys;
    this.#scope = scope;
    const { sessionToken: token } = keys;
    this.#tokenLine =
      token === undefined ? "" : `x-amz-security-token:${token.trim().replace(/\s+/g, " ")}\n`;
    const tokenName = token === undefined ? "" : ";x-amz-security-token";
    this.#signedNames = `content-type;host;x-amz-content-sha256;x-amz-date${tokenName}`;
  }

  /**
   * The headers that prove who calls, flat; they hold for this body and these minutes alone, and
   * for a call with the headers `host` of the scope and `content-type: application/json`. Throws
   * when the region is not known.
   */
  sign({ method, path, body, wallMs }: SignedCall): string[] {
    const { host, region } = this.#scope;
    if (region === "") throw new Error("no region is known to sign calls for");
    const time = this.#timeOf(wallMs);
    const { scope, key } = this.#keyOf(time.slice(0, 8));
    const names = this.#signedNames;
    const bodyHash = hash("sha256", body);
    const headers =
      `content-type:${contentType}\nhost:${host}\n` +
      `x-amz-content-sha256:${bodyHash}\nx-amz-date:${time}\n${this.#tokenLine}`;
    const canonical = `${method}\n${this.#signedPathOf(path)}\n\n${headers}\n${names}\n${bodyHash}`;
    const text = `${algorithm}\n${time}\n${scope}\n${hash("sha256", canonical)}`;
    const signature = createHmac("sha256", key).update(text).digest("hex");
    const { accessKeyId, sessionToken } = this.#keys;
    const credential = `Credential=${accessKeyId}/${scope}`;
    const proof = `${algorithm} ${credential}, SignedHeaders=${names}, Signature=${signature}`;
    const signed = ["x-amz-date", time, "x-amz-content-sha256", bodyHash, "authorization", proof];
    if (sessionToken !== undefined) signed.push("x-amz-security-token", sessionToken);
    return signed;
  }

  #timeOf(wallMs: number): string {
    const second = Math.floor(wallMs / 1_000);
    if (second === this.#second) return this.#time;
    this.#second = second;
    return (this.#time = new Date(wallMs).toISOString().replace(/[-:]|\.\d+/g, ""));
  }

  #keyOf(day: string): DayKey {
    if (this.#today?.day === day) return this.#today;
    const { region, service } = this.#scope;
    let key: string | Buffer = `AWS4${this.#keys.secretAccessKey}`;
    for (const part of [day, region, service, "aws4_request"]) key = hmac(key, part);
    const scope = `${day}/${region}/${service}/aws4_request`;
    return (this.#today = { day, scope, key: Buffer.from(key) });
  }

  #signedPathOf(path: string): string {
    if (path === this.#path) return this.#signedPath;
    this.#path = path;
    return (this.#signedPath = canonicalPath(path));
  }
}

/**
 * For every service but S3: without empty segments and dots, and each segment of the escaped path
 * escaped again.
 */
function canonicalPath(path: string): string {
  const segments: string[] = [];
  for (const segment of path.split("/")) {
    if (segment === "..") segments.pop();
    else if (segment !== "" && segment !== ".") segments.push(escapeSegment(segment));
  }
  const end = segments.length > 0 && path.endsWith("/") ? "/" : "";
  return `/${segments.join("/")}${end}`;
}

function hmac(key: string | Buffer, data: string): Buffer {
  return createHmac("sha256", key).update(data).digest();
}

/** All but letters, digits and `-._~` is escaped. */
function escapeSegment(segment: string): string {
  const escape = (char: string): string => `%${char.charCodeAt(0).toString(16).toUpperCase()}`;
  return encodeURIComponent(segment).replace(/[!'()*]/g, escape);
}

/** Reads a secret as AWS keys; undefined when it is none, such as an API key of Bedrock. */
export function readAwsKeys(secret: Secret): AwsKeys | undefined {
  const [, accessKeyId = "", secretAccessKey = "", sessionToken] =
    /^([A-Z0-9]{16,128}):([A-Za-z0-9/+=]{16,256})(?::(.+))?$/.exec(secret.reveal()) ?? [];
  if (accessKeyId === "") return undefined;
  if (sessionToken === undefined) return { accessKeyId, secretAccessKey };
  return { accessKeyId, secretAccessKey, sessionToken };
}

/**
 * The region that an address of AWS names, such as
 * `https://bedrock-runtime.eu-central-1.amazonaws.com`; empty for any other.
 */
export function regionOfHost(host: string): string {
  const match =
    /(?:^|\.)[a-z0-9-]+\.([a-z]{2}(?:-[a-z]+)+-\d)\.(?:vpce\.)?(?:amazonaws\.com(?:\.cn)?|api\.aws)$/.exec(
      host,
    );
  return match?.[1] ?? "";
}
