import { createHash, createHmac } from "node:crypto";
import type { Hash, Hmac } from "node:crypto";
import type { SignatureV4 } from "@smithy/signature-v4";
import type { Secret } from "@penstock/runtime";

/** What is signed. */
export interface SignedCall {
  readonly method: string;
  /** Escaped, as it is sent. */
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

/** Node's hashes in the form that the signer asks for. */
class Sha256 {
  readonly #hash: Hash | Hmac;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash("sha256") : createHmac("sha256", keyOf(secret));
  }

  update(data: Uint8Array): void {
    this.#hash.update(data);
  }

  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest());
  }

  reset(): void {
    throw new Error("a hash is used once");
  }
}

function keyOf(secret: string | ArrayBuffer | ArrayBufferView): string | Uint8Array {
  if (typeof secret === "string") return secret;
  if (secret instanceof ArrayBuffer) return new Uint8Array(secret);
  return new Uint8Array(secret.buffer, secret.byteOffset, secret.byteLength);
}

/** Signs calls of one provider with one set of keys (Signature Version 4). */
export class AwsSigner {
  readonly #keys: AwsKeys;
  readonly #scope: SigningScope;
  #signer: Promise<SignatureV4> | undefined;

  constructor(keys: AwsKeys, scope: SigningScope) {
    this.#keys = keys;
    this.#scope = scope;
  }

  /**
   * The headers that prove who calls, flat; they hold for this body and these minutes alone.
   * Rejects when the region is not known.
   */
  async sign({ method, path, body, wallMs }: SignedCall): Promise<string[]> {
    const { host } = this.#scope;
    if (this.#scope.region === "") throw new Error("no region is known to sign calls for");
    const signer = await (this.#signer ??= this.#load());
    const own = { host, "content-type": "application/json" };
    const signed = await signer.sign(
      { method, protocol: "https:", hostname: host, path, headers: own, body },
      { signingDate: new Date(wallMs) },
    );
    return Object.entries(signed.headers).flatMap(([name, value]) =>
      Object.hasOwn(own, name) ? [] : [name, value],
    );
  }

  /** Loaded when it is first needed: no router without AWS pays for it. */
  async #load(): Promise<SignatureV4> {
    const { SignatureV4: Signer } = await import("@smithy/signature-v4");
    const { region, service } = this.#scope;
    return new Signer({ credentials: this.#keys, region, service, sha256: Sha256 });
  }
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
