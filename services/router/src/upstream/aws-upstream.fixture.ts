import { createHash, createHmac } from "node:crypto";
import type { IncomingMessage } from "node:http";

const sha256 = (data: string | Buffer): string => createHash("sha256").update(data).digest("hex");
const hmac = (key: string | Buffer, data: string): Buffer =>
  createHmac("sha256", key).update(data).digest();

/** What a server of AWS knows about who may call it. */
export interface KnownKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly region: string;
  readonly service: string;
}

/**
 * Checks a signature as a server does, after the specification of Signature Version 4 and apart
 * from any client's code. Empty: it is good; otherwise what is wrong.
 */
export function checkSignature(request: IncomingMessage, body: Buffer, known: KnownKeys): string {
  const header = (name: string): string => String(request.headers[name] ?? "");
  const match =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$/.exec(
      header("authorization"),
    );
  if (match === null) return "no signature";
  const [, keyId = "", day = "", region = "", service = "", names = "", signature = ""] = match;
  if (keyId !== known.accessKeyId) return "another key";
  if (region !== known.region || service !== known.service) return `for ${region}/${service}`;
  if (header("x-amz-security-token") !== (known.sessionToken ?? "")) return "another token";
  const time = header("x-amz-date");
  if (!/^\d{8}T\d{6}Z$/.test(time) || !time.startsWith(day)) return "no time";
  const wanted = ["host", "x-amz-date", ...(known.sessionToken ? ["x-amz-security-token"] : [])];
  const signedNames = names.split(";");
  if (wanted.some((name) => !signedNames.includes(name))) return "too few headers are signed";
  const [path = "", query = ""] = (request.url ?? "").split("?", 2);
  // Every service but S3 escapes each segment of the escaped path again.
  const canonical = [
    request.method,
    path.split("/").map(encodeURIComponent).join("/"),
    query,
    ...signedNames.map((name) => `${name}:${header(name).trim().replace(/\s+/g, " ")}`),
    "",
    names,
    sha256(body),
  ].join("\n");
  const scope = `${day}/${region}/${service}/aws4_request`;
  const text = ["AWS4-HMAC-SHA256", time, scope, sha256(canonical)].join("\n");
  const dayKey = hmac(`AWS4${known.secretAccessKey}`, day);
  const key = hmac(hmac(hmac(dayKey, region), service), "aws4_request");
  return hmac(key, text).toString("hex") === signature ? "" : "another signature";
}
